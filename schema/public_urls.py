"""Where callers find the app, as its operators say."""

import re

from pydantic_core import Url

MAX_BASE_URL_LENGTH = 2_000

_PLAIN = re.compile(r"https?://(?!/)[^\s?#@\\\x00-\x1f\x7f]+")


def base_address(text: str | None) -> str | None:
    """Without a slash at its end, ``None`` for no text; raises ``ValueError`` for what links cannot
    begin with."""
    if not text:
        return None
    if len(text) > MAX_BASE_URL_LENGTH or not _PLAIN.fullmatch(text) or not _is_address(text):
        raise ValueError(
            "must be an address such as https://geo.example.org/api: http or https, without user, query and "
            f"fragment, at most {MAX_BASE_URL_LENGTH} characters"
        )
    return text.rstrip("/")


def _is_address(text: str) -> bool:
    try:
        return bool(Url(text).host)
    except ValueError:
        return False
