"""Breaks what the system stands on, at every place that DESIGN names, and counts what is left."""
