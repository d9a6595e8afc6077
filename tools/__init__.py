"""What ``./dev`` does. Runs before the virtual environment exists, so it needs the standard library only."""
