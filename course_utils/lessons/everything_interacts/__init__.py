"""What notebook 09 has to itself."""
