"""The address of the app that its operators give."""

import pytest

from schema.public_urls import base_address


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("https://geo.example.org/api", "https://geo.example.org/api"),
        ("https://gw.example.org/geo/api/", "https://gw.example.org/geo/api"),
        ("http://localhost:7071/api", "http://localhost:7071/api"),
        ("", None),
        (None, None),
    ],
)
def test_an_address_is_taken_without_a_slash_at_its_end(given: str | None, taken: str | None) -> None:
    assert base_address(given) == taken


@pytest.mark.parametrize(
    "given",
    [
        "geo.example.org/api",
        "ftp://geo.example.org/api",
        "https://",
        "https:///api",
        "https://[bad/api",
        "https://geo.example.org:port/api",
        "https://user:secret@geo.example.org/api",
        "https://geo.example.org/api?code=secret",
        "https://geo.example.org/api?",
        "https://geo.example.org/api#top",
        "https://geo.example.org/a pi",
        "https://geo.example.org\\api",
        f"https://geo.example.org/{'a' * 2_000}",
    ],
)
def test_what_links_cannot_begin_with_is_refused_and_not_shown(given: str) -> None:
    with pytest.raises(ValueError, match=r"such as https://geo\.example\.org/api") as caught:
        base_address(given)
    assert "secret" not in str(caught.value)
