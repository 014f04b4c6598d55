"""What notebook 08 has to itself."""
