"""STAC items: made of what tasks found out, and held to the schemas of STAC without a network."""
