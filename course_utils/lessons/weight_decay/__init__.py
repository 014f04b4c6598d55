"""What notebook 06 has to itself."""
