"""What notebook 11 has to itself."""
