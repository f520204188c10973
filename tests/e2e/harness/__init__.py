"""What the end-to-end tests have in common."""
