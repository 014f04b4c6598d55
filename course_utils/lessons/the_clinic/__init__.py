"""What notebook 12 has to itself."""
