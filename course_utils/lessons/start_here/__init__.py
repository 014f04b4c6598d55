"""What notebook 00 has to itself."""
