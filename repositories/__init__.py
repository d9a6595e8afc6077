"""Adapters: PostgreSQL, queues and blobs behind the Protocols of ``interfaces``."""
