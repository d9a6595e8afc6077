"""Task handlers, and the geospatial code under them."""
