"""Blueprints: a trigger parses, calls one use case, responds."""
