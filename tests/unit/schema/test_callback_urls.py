"""Which addresses may be called back, and what they are turned into."""

import pytest

from schema.callback_urls import MAX_URL_LENGTH, AllowedHosts, CallbackTarget, UnfitUrlError

LISTED = ("hooks.example.com", "*.example.org", "ports.example.com:8443", "bücher.example", "8.8.8.8")
ALLOWED = AllowedHosts(LISTED)


def refusal(url: str, allowed: AllowedHosts = ALLOWED) -> str:
    with pytest.raises(UnfitUrlError) as caught:
        allowed.checked(url)
    return str(caught.value)


def test_an_address_on_the_list_is_taken_apart() -> None:
    assert ALLOWED.checked("https://hooks.example.com/a/b?c=d") == CallbackTarget(
        "https://hooks.example.com/a/b?c=d", "hooks.example.com", 443, "/a/b?c=d"
    )


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("HTTPS://HOOKS.Example.COM", "https://hooks.example.com/"),
        ("https://hooks.example.com:443/x", "https://hooks.example.com/x"),
        ("https://ports.example.com:8443/x", "https://ports.example.com:8443/x"),
        ("https://a.example.org/", "https://a.example.org/"),
        ("https://a.b.example.org/", "https://a.b.example.org/"),
        ("https://BÜCHER.example/ä?ö=ü", "https://xn--bcher-kva.example/%C3%A4?%C3%B6=%C3%BC"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"),
        ("https://hooks.example.com/a/../b", "https://hooks.example.com/b"),
        ("https://8.8.8.8/", "https://8.8.8.8/"),
        ("https://\uff18.8.8.8/", "https://8.8.8.8/"),
    ],
)
def test_an_allowed_address_is_normalised(given: str, normal: str) -> None:
    assert ALLOWED.checked(given).url == normal


@pytest.mark.parametrize(
    "url",
    [
        "https://other.example.com/",
        "https://example.org/",
        "https://badexample.org/",
        "https://hooks.example.com.evil.example/",
        "https://hooks.example.com./",
        "https://hooks.example.com:8443/",
        "https://ports.example.com/",
        "https://a.example.org:444/",
        "https://hooks.example.com:0/",
        "https://8.8.4.4/",
    ],
)
def test_an_address_that_is_not_on_the_list_is_refused(url: str) -> None:
    assert "CALLBACK_ALLOWED_HOSTS" in refusal(url)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://hooks.example.com/", "must begin with https://"),
        ("ftp://hooks.example.com/", "must begin with https://"),
        ("https:///x", "list"),
        ("https://user@hooks.example.com/", "must not hold a user name"),
        ("https://user:secret@hooks.example.com/", "must not hold a user name"),
        ("https://:secret@hooks.example.com/", "must not hold a user name"),
        ("https://hooks.example.com/#x", "must not have a fragment"),
        ("https://hooks.example.com\\@evil.example/", "without spaces"),
        ("https://hooks.example.com/ x", "without spaces"),
        ("https://hooks.example.com/\r\nX: y", "without spaces"),
        ("https://hooks\t.example.com/", "without spaces"),
        ("", "without spaces"),
        ("hooks.example.com", "must be an address such as"),
        ("//hooks.example.com/", "must be an address such as"),
        ("https://[::1", "must be an address such as"),
        ("https://hooks.example.com:99999/", "must be an address such as"),
        ("https://hooks.example.com/" + "x" * MAX_URL_LENGTH, "at most 2000 characters"),
        ("https://hooks.example.com/" + "ä" * 1_000, "with its percent-encoding"),
    ],
)
def test_an_address_that_is_not_written_as_it_should_be_is_refused(url: str, told: str) -> None:
    assert told in refusal(url)


def test_an_error_shows_nothing_of_an_address_but_its_host() -> None:
    for url in ("https://other.example.com/hidden?t=hidden", "https://u:hidden@hooks.example.com/", "hidden"):
        assert "hidden" not in refusal(url)


@pytest.mark.parametrize(
    "literal",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "\uff11\uff12\uff17.0.0.1",
        "%31%32%37.0.0.1",
    ],
)
def test_a_loopback_address_is_refused_however_it_is_written_and_listed(literal: str) -> None:
    assert "IP address" in refusal(f"https://{literal}/", AllowedHosts(["127.0.0.1"]))


@pytest.mark.parametrize(
    "literal", ["[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::a9fe:a9fe]", "[fd00:ec2::254]"]
)
def test_a_private_ipv6_address_is_refused_though_it_is_listed(literal: str) -> None:
    assert "IP address" in refusal(f"https://{literal}/", AllowedHosts([literal]))


def test_a_wildcard_is_for_names_only() -> None:
    assert "CALLBACK_ALLOWED_HOSTS" in refusal("https://8.8.8.8/", AllowedHosts(["*.8.example"]))


def test_without_a_list_nobody_may_be_called() -> None:
    assert "CALLBACK_ALLOWED_HOSTS" in refusal("https://hooks.example.com/", AllowedHosts())


@pytest.mark.parametrize(
    "entry",
    ["", "*", "*.", "*.com", "*.8.8.8.8", "a.*.example", "https://a.example", "a.example/x", "a.example?x",
     "u@a.example", "a.example:", "a.example:99999", "a b.example", "a.example#x"],
)  # fmt: skip
def test_an_entry_that_is_no_host_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="is no host"):
        AllowedHosts([entry])
