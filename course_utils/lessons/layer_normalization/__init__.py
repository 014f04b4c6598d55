"""What notebook 03 has to itself."""
