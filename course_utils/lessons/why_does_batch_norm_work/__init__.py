"""What notebook 10 has to itself."""
