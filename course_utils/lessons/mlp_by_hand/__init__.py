"""What notebook 01 has to itself."""
