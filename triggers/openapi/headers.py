"""The headers that a document names."""

from schema.json_types import JSONObject

CORRELATION_ID = "X-Correlation-ID"
RETRY_AFTER = "Retry-After"

_TEXT: JSONObject = {"type": "string"}
_SECONDS: JSONObject = {"type": "integer", "minimum": 0}

_OF_ANSWERS: dict[str, tuple[str, JSONObject]] = {
    "Accept-Ranges": ("In which units parts may be asked for, by `Range`.", _TEXT),
    "Cache-Control": ("How long the answer may be kept.", _TEXT),
    "Content-Range": ("Which part of how many bytes this is.", _TEXT),
    "Content-Security-Policy": ("What the page may load.", _TEXT),
    "ETag": ("Changes with the answer; send it as `If-None-Match`.", _TEXT),
    "Link": ("Related addresses, as RFC 8288 writes them.", _TEXT),
    "Location": ("Where to look next.", {"type": "string", "format": "uri-reference"}),
    "Preference-Applied": ("Which preference of the request was followed (RFC 7240).", _TEXT),
    RETRY_AFTER: ("After how many seconds to ask again.", _SECONDS),
    "WWW-Authenticate": ("How to say who calls.", _TEXT),
}


def response_header(name: str) -> JSONObject:
    """The component of a header of answers; ``KeyError`` for one that nobody has described."""
    if name == CORRELATION_ID:
        return {
            "description": "Names this request in logs and records; one sent by the caller is taken over.",
            "required": True,
            "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,64}$"},
        }
    description, schema = _OF_ANSWERS[name]
    return {"description": description, "schema": dict(schema)}


def request_correlation_id() -> JSONObject:
    """The parameter that any route takes."""
    return {
        "name": CORRELATION_ID,
        "in": "header",
        "description": "Names the request in logs and records: 1 to 64 letters, digits and any of `._:-`. "
        "Anything else is replaced.",
        "schema": {"type": "string"},
    }
