"""Measurements; each prints JSON. Never deployed."""
