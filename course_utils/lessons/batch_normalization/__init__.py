"""What notebook 04 has to itself."""
