"""Answers that are too large to come as one, read part by part."""

import re
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus

import httpx

from geojobs_client.errors import ApiError, UnexpectedAnswerError
from geojobs_client.sending import Call, Sender

_TOO_LARGE = "RESULT_TOO_LARGE"
_CONTENT_RANGE = re.compile(r"bytes ([0-9]+)-([0-9]+)/([0-9]+)")


def is_too_large(error: ApiError) -> bool:
    """Whether the server would give it in parts."""
    return error.code == _TOO_LARGE


def in_parts(sender: Sender, call: Call) -> Iterator[bytes]:
    """Each part as large as the server makes it; raises as ``send``, also where what is read changes."""
    etag: str | None = None
    first, size = 0, 1
    while first < size:
        same = {} if etag is None else {"If-Range": etag}
        response = sender.send(replace(call, headers={**call.headers, "Range": f"bytes={first}-", **same}))
        etag = response.headers.get("ETag")
        first, size = _behind(response, first)
        yield response.content


def _behind(response: httpx.Response, first: int) -> tuple[int, int]:
    """Where the next part begins, and where all ends."""
    found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if response.status_code != HTTPStatus.PARTIAL_CONTENT or found is None or int(found[1]) != first:
        raise UnexpectedAnswerError("the answer is not the next part of what was read before")
    return int(found[2]) + 1, int(found[3])
