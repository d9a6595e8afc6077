"""The answer of ``echo``."""
