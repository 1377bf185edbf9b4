"""What every HTTP response obeys."""
