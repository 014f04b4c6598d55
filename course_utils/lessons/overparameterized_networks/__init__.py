"""What notebook 05 has to itself."""
