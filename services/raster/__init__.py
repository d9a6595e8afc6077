"""Rasters: described, planned, made into Cloud Optimized GeoTIFFs, checked."""
