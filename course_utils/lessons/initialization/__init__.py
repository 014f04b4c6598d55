"""What notebook 02 has to itself."""
