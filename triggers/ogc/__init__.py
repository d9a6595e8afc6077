"""The routes of OGC API - Processes."""

from triggers.ogc.routes import OGC_ROUTES

__all__ = ["OGC_ROUTES"]
