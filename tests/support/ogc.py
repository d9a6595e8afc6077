"""Holds answers to OGC API - Processes 1.0 by models that others have made of the standard's own definition.

``ogc_api_processes_client.models`` is generated from the OpenAPI definition that the standard is published
with, so that a mistake in this app's own models does not pass for right here.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Protocol

import httpx

CONFORMANCE = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/"
EXCEPTION = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"
RELATION = "http://www.opengis.net/def/rel/ogc/1.0/"
JSON = {"Accept": "application/json"}


class StandardModel(Protocol):
    @classmethod
    def from_dict(cls, obj: Any, /) -> Any: ...


def fitting(model: type[StandardModel], document: Any) -> Any:
    """The document, which the standard's model must take, and which has nothing null."""
    assert model.from_dict(document) is not None
    assert list(_nulls(document, "")) == []
    return document


def answered(
    model: type[StandardModel],
    response: httpx.Response,
    status: int = 200,
    media_type: str = "application/json",
) -> Any:
    """The body of an answer with this status and media type, which must fit the standard's model."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"].split(";")[0] == media_type
    return fitting(model, response.json())


def link(document: Any, rel: str) -> dict[str, str]:
    """The one link with this relation."""
    found = [link for link in document["links"] if link["rel"] == rel]
    assert len(found) == 1, document["links"]
    return found[0]


def has_link(document: Any, rel: str) -> bool:
    return any(link["rel"] == rel for link in document["links"])


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _nulls(value: Any, where: str) -> Iterator[str]:
    if value is None:
        yield where
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _nulls(item, f"{where}/{name}")
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from _nulls(item, f"{where}/{position}")
