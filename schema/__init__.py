"""Data and law: what every other layer agrees on. Imports nothing of the other layers."""
