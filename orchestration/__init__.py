"""The use cases of the protocol. Knows states, contracts and Protocols; no cloud, no database, no raster."""
