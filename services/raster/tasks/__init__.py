"""The handlers of the raster jobs: the parent's side, which opens no raster itself."""
