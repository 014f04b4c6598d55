"""What notebook 07 has to itself."""
