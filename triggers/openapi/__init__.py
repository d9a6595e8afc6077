"""Makes an OpenAPI document of route tables and models; nothing of it is written by hand."""

from triggers.openapi.document import About, openapi_document
from triggers.openapi.supplements import Body, Callback, Header, RefusalFormat, Supplement

__all__ = ["About", "Body", "Callback", "Header", "RefusalFormat", "Supplement", "openapi_document"]
