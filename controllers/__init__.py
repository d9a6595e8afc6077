"""Job types: one file each, data and pure functions."""
