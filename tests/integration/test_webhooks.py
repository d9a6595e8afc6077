"""Calls over real HTTPS: where they go, what they carry, and what is made of every kind of answer."""

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from time import monotonic

import pytest

from interfaces.callbacks import SendOutcome, Sent
from repositories import addresses, webhooks
from repositories.webhooks import WebhookSender
from schema.callback_urls import AllowedHosts
from tests.support.https_receiver import (
    PUBLIC_ADDRESS,
    RECEIVER,
    Authority,
    Receiver,
    Reply,
    resolver,
    running_receiver,
)

URL = f"https://{RECEIVER}/geojobs?token=hidden"
OTHER = "other.example.com"
NAMES = {RECEIVER: [PUBLIC_ADDRESS], OTHER: ["2606:4700:4700::1111"]}
ALLOWED = (RECEIVER, f"{RECEIVER}:8443", "*.example.org", OTHER)
BODY, HEADERS = b'{"type": "job.completed"}', {"webhook-id": "msg_1", "Content-Type": "application/json"}

MakeSender = Callable[..., WebhookSender]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def receiver(authority: Authority) -> Iterator[Receiver]:
    with running_receiver(authority.server_context(RECEIVER, OTHER, "*.example.org")) as receiver:
        yield receiver


@pytest.fixture
def make_sender(authority: Authority, receiver: Receiver) -> MakeSender:
    def make(**changes: object) -> WebhookSender:
        known = {"resolve": resolver(NAMES), "dial": receiver.dial, "trust": authority.trusted, **changes}
        return WebhookSender(AllowedHosts(ALLOWED), **known)  # type: ignore[arg-type]

    return make


@pytest.fixture
def sender(make_sender: MakeSender) -> WebhookSender:
    return make_sender()


def send(sender: WebhookSender, url: str = URL) -> Sent:
    return sender.send(url, BODY, HEADERS)


def test_a_call_carries_body_and_headers_to_the_address(sender: WebhookSender, receiver: Receiver) -> None:
    assert send(sender) == Sent(SendOutcome.TAKEN)
    (got,) = receiver.received
    assert (got.path, got.body) == ("/geojobs?token=hidden", BODY)
    assert (got.headers["webhook-id"], got.headers["content-type"]) == ("msg_1", "application/json")
    assert got.headers["host"] == RECEIVER
    assert got.headers["user-agent"].startswith("geojobs/")


def test_a_port_that_is_not_443_is_named_to_the_host(sender: WebhookSender, receiver: Receiver) -> None:
    assert send(sender, f"https://{RECEIVER}:8443/").outcome is SendOutcome.TAKEN
    assert receiver.received[0].headers["host"] == f"{RECEIVER}:8443"


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_taken(sender: WebhookSender, receiver: Receiver, status: int) -> None:
    receiver.replies = [Reply(status)]
    assert send(sender).outcome is SendOutcome.TAKEN


@pytest.mark.parametrize("status", [301, 302, 303, 304, 400, 401, 403, 404, 408, 429, 500, 502, 503])
def test_other_answers_are_to_be_tried_again(sender: WebhookSender, receiver: Receiver, status: int) -> None:
    receiver.replies = [Reply(status, {"Location": f"https://{OTHER}/"})]
    assert send(sender) == Sent(SendOutcome.REJECTED, f"answered {status}")
    assert len(receiver.received) == 1


def test_410_wants_no_more(sender: WebhookSender, receiver: Receiver) -> None:
    receiver.replies = [Reply(410)]
    assert send(sender).outcome is SendOutcome.GONE


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("120", 120.0), (" 7 ", 7.0), ("-1", None), ("soon", None), ("9" * 400, 999999999.0)],
)
def test_retry_after_is_read_in_seconds(
    sender: WebhookSender, receiver: Receiver, given: str, seconds: float | None
) -> None:
    receiver.replies = [Reply(503, {"Retry-After": given})]
    assert send(sender).retry_after == seconds


@pytest.mark.parametrize(("ahead", "least", "most"), [(90, 80, 90), (-90, 0, 0)])
def test_retry_after_is_read_as_a_date(
    sender: WebhookSender, receiver: Receiver, ahead: int, least: float, most: float
) -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=ahead), usegmt=True)
    receiver.replies = [Reply(429, {"Retry-After": moment})]
    wait = send(sender).retry_after
    assert wait is not None
    assert least <= wait <= most


@pytest.mark.parametrize("status", [307, 308])
@pytest.mark.parametrize("location", [f"https://{OTHER}/moved?x=y", "/moved?x=y"])
def test_a_redirect_that_keeps_the_method_is_followed(
    sender: WebhookSender, receiver: Receiver, status: int, location: str
) -> None:
    receiver.replies = [Reply(status, {"Location": location})]
    assert send(sender).outcome is SendOutcome.TAKEN
    first, second = receiver.received
    assert (second.path, second.body, second.headers["webhook-id"]) == ("/moved?x=y", BODY, "msg_1")
    assert first.body == BODY


def test_no_more_than_three_redirects_are_followed(sender: WebhookSender, receiver: Receiver) -> None:
    receiver.replies = [Reply(307, {"Location": f"/{number}"}) for number in range(9)]
    assert send(sender) == Sent(SendOutcome.REJECTED, "redirected more than 3 times")
    assert receiver.paths == ["/geojobs?token=hidden", "/0", "/1", "/2"]


@pytest.mark.parametrize(
    "location",
    [
        f"http://{RECEIVER}/",
        "https://elsewhere.example.net/",
        f"https://{OTHER}:8443/",
        f"https://user:secret@{OTHER}/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest/meta-data",
        "//elsewhere.example.net/",
        "file:///etc/passwd",
        "gopher://hooks.example.com/",
        "https://[bad/",
        "//[",
        "https://[::1",
        "https://hooks.example.com:port/",
    ],
)
def test_a_redirect_to_what_may_not_be_called_is_refused(
    sender: WebhookSender, receiver: Receiver, location: str
) -> None:
    receiver.replies = [Reply(307, {"Location": location})]
    assert send(sender).outcome is SendOutcome.REFUSED
    assert len(receiver.received) == 1


PRIVATE = [
    "127.0.0.1",
    "::1",
    "169.254.169.254",
    "10.0.0.1",
    "100.64.0.1",
    "168.63.129.16",
    "0.0.0.0",  # noqa: S104 -- nothing is bound to it
    "::ffff:127.0.0.1",
    "fd00:ec2::254",
    "64:ff9b::a9fe:a9fe",
    "fe80::1%eth0",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_a_name_that_leads_to_a_private_address_is_not_called(
    make_sender: MakeSender, receiver: Receiver, address: str
) -> None:
    sent = send(make_sender(resolve=resolver({RECEIVER: [address]})))
    assert sent.outcome is SendOutcome.REFUSED
    assert receiver.received == []
    assert address not in sent.error


def test_a_name_with_one_private_address_among_public_ones_is_not_called(
    make_sender: MakeSender, receiver: Receiver
) -> None:
    sent = send(make_sender(resolve=resolver({RECEIVER: [PUBLIC_ADDRESS, "10.0.0.1"]})))
    assert (sent.outcome, receiver.received) == (SendOutcome.REFUSED, [])


def test_a_redirect_to_a_name_that_leads_to_a_private_address_is_refused(
    make_sender: MakeSender, receiver: Receiver
) -> None:
    names = {RECEIVER: [PUBLIC_ADDRESS], OTHER: ["169.254.169.254"]}
    receiver.replies = [Reply(308, {"Location": f"https://{OTHER}/"})]
    assert send(make_sender(resolve=resolver(names))).outcome is SendOutcome.REFUSED
    assert len(receiver.received) == 1


def test_the_connection_goes_to_the_address_that_was_checked(
    make_sender: MakeSender, receiver: Receiver
) -> None:
    """A name that stands for another address a moment later gains nothing."""
    answers = iter([[PUBLIC_ADDRESS], ["127.0.0.1"], ["127.0.0.1"]])
    dialled: list[str] = []

    def dial(address: str, port: int, seconds: float) -> socket.socket:
        dialled.append(address)
        return receiver.dial(address, port, seconds)

    sender = make_sender(resolve=lambda _, __: next(answers), dial=dial)
    assert send(sender).outcome is SendOutcome.TAKEN
    assert dialled == [PUBLIC_ADDRESS]


def test_another_address_is_tried_where_one_does_not_answer(
    make_sender: MakeSender, receiver: Receiver
) -> None:
    def dial(address: str, port: int, seconds: float) -> socket.socket:
        if address == PUBLIC_ADDRESS:
            raise ConnectionRefusedError
        return receiver.dial(address, port, seconds)

    both = resolver({RECEIVER: [PUBLIC_ADDRESS, "8.8.8.8"]})
    assert send(make_sender(resolve=both, dial=dial)).outcome is SendOutcome.TAKEN


def test_an_address_that_is_not_allowed_any_more_is_refused(make_sender: MakeSender) -> None:
    sent = send(make_sender(), "https://elsewhere.example.net/hidden")
    assert sent.outcome is SendOutcome.REFUSED
    assert "hidden" not in sent.error


def test_a_name_that_is_unknown_is_tried_again(make_sender: MakeSender) -> None:
    sent = send(make_sender(resolve=resolver({})))
    assert sent == Sent(SendOutcome.REJECTED, "the name could not be resolved")


def test_a_resolver_that_does_not_answer_is_not_waited_for(
    make_sender: MakeSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "_RESOLVE_SECONDS", 0.1)
    release = threading.Event()

    def resolve(_: str, __: int) -> Sequence[str]:
        release.wait(30)
        return []

    try:
        sent = send(make_sender(resolve=resolve))
    finally:
        release.set()
    assert sent == Sent(SendOutcome.REJECTED, "the name was not resolved in time")


def test_the_system_resolves_names() -> None:
    assert set(addresses.system_resolve("localhost", 443)) <= {"127.0.0.1", "::1"}


def test_the_systems_own_loopback_names_are_refused() -> None:
    sender = WebhookSender(AllowedHosts(["localhost"]))
    assert send(sender, "https://localhost/").outcome is SendOutcome.REFUSED


def test_a_host_that_is_away_is_tried_again(make_sender: MakeSender) -> None:
    def dial(*_: object) -> socket.socket:
        raise ConnectionRefusedError

    assert send(make_sender(dial=dial)) == Sent(SendOutcome.REJECTED, "could not be reached")


def test_a_certificate_of_another_name_is_not_accepted(authority: Authority, make_sender: MakeSender) -> None:
    with running_receiver(authority.server_context("wrong.example.com")) as wrong:
        sent = send(make_sender(dial=wrong.dial))
        assert wrong.received == []
    assert sent == Sent(SendOutcome.REJECTED, "its certificate was not accepted")


def test_a_certificate_of_an_unknown_authority_is_not_accepted(
    tmp_path: Path, make_sender: MakeSender, receiver: Receiver
) -> None:
    sent = send(make_sender(trust=Authority(tmp_path).trusted))
    assert (sent.error, receiver.received) == ("its certificate was not accepted", [])


def test_the_name_is_asked_for_in_the_handshake(make_sender: MakeSender, authority: Authority) -> None:
    asked: list[str | None] = []
    context = authority.server_context(RECEIVER)
    context.sni_callback = lambda _, name, __: asked.append(name)
    with running_receiver(context) as receiver:
        send(make_sender(dial=receiver.dial))
    assert asked == [RECEIVER]


def test_proxies_of_the_environment_are_not_asked(
    make_sender: MakeSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.setblocking(False)
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"):
            monkeypatch.setenv(name, address)
        assert send(make_sender()).outcome is SendOutcome.TAKEN
        with pytest.raises(BlockingIOError):
            proxy.accept()


@pytest.mark.parametrize("reply", [Reply(stall=True), Reply(200, drip=True)])
def test_a_call_ends_in_time_whatever_the_receiver_does(
    sender: WebhookSender, receiver: Receiver, reply: Reply, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "TOTAL_SECONDS", 1.0)
    receiver.replies = [reply]
    begun = monotonic()
    assert send(sender) == Sent(SendOutcome.REJECTED, "did not answer in time")
    assert 0.9 < monotonic() - begun < 5


def test_a_handshake_that_does_not_come_is_not_waited_for(
    make_sender: MakeSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "TOTAL_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = silent.getsockname()
        sender = make_sender(dial=lambda _, __, seconds: socket.create_connection(place, seconds))
        begun = monotonic()
        assert send(sender) == Sent(SendOutcome.REJECTED, "did not answer in time")
    assert monotonic() - begun < 5


def test_what_follows_the_status_is_not_waited_for_to_its_end(
    authority: Authority, make_sender: MakeSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A body that is promised and never comes does not undo the status before it."""
    monkeypatch.setattr(webhooks, "TOTAL_SECONDS", 3.0)
    with running_receiver(authority.server_context(RECEIVER)) as receiver:
        receiver.replies = [Reply(200, {"X": "y\r\nContent-Length: 1000000"})]
        assert send(make_sender(dial=receiver.dial)).outcome is SendOutcome.TAKEN


def test_a_host_that_fails_five_times_is_left_alone_for_a_while(
    make_sender: MakeSender, receiver: Receiver
) -> None:
    sender = make_sender(open_seconds=60.0)
    receiver.replies = [Reply(503)] * 9
    outcomes = [send(sender).outcome for _ in range(7)]
    assert outcomes == [SendOutcome.REJECTED] * 5 + [SendOutcome.POSTPONED] * 2
    assert len(receiver.received) == 5
    assert send(sender).retry_after == 60
    assert send(sender, f"https://{OTHER}/").outcome is SendOutcome.REJECTED


def test_a_host_is_tried_again_when_its_circuit_has_been_open_for_long_enough(
    make_sender: MakeSender, receiver: Receiver
) -> None:
    sender = make_sender(open_seconds=0.05)
    receiver.replies = [Reply(503)] * 5
    for _ in range(5):
        send(sender)
    deadline = monotonic() + 30
    while (sent := send(sender)).outcome is SendOutcome.POSTPONED:
        assert monotonic() < deadline
    assert sent.outcome is SendOutcome.TAKEN


def test_an_open_circuit_holds_up_its_host_only(make_sender: MakeSender, receiver: Receiver) -> None:
    sender = make_sender(open_seconds=60.0)
    receiver.replies = [Reply(503)] * 5
    assert sender.held_up(URL) is None
    for _ in range(5):
        send(sender)
    assert sender.held_up(URL) == Sent(SendOutcome.POSTPONED, "the host has been failing", 60.0)
    assert sender.held_up(f"https://{OTHER}/") is None
    assert sender.held_up("https://elsewhere.example.net/") is None


def test_while_one_call_tries_for_all_the_others_are_postponed_at_once(
    make_sender: MakeSender, receiver: Receiver
) -> None:
    trying, release = threading.Event(), threading.Event()
    dialled = iter([False] * 5 + [True])

    def dial(address: str, port: int, seconds: float) -> socket.socket:
        if next(dialled):
            trying.set()
            release.wait(30)
        return receiver.dial(address, port, seconds)

    sender = make_sender(open_seconds=0.05, dial=dial)
    receiver.replies = [Reply(503)] * 5
    for _ in range(5):
        send(sender)
    deadline = monotonic() + 30
    while sender.held_up(URL) is not None:
        assert monotonic() < deadline
    with ThreadPoolExecutor(8) as pool:
        trial = pool.submit(send, sender)
        try:
            assert trying.wait(30)
            others = [pool.submit(send, sender) for _ in range(7)]
            assert {each.result(30).outcome for each in others} == {SendOutcome.POSTPONED}
            assert sender.held_up(URL) is not None
        finally:
            release.set()
        assert trial.result(30).outcome is SendOutcome.TAKEN
    assert sender.held_up(URL) is None


def test_what_our_rules_refuse_does_not_count_against_a_host(
    make_sender: MakeSender, receiver: Receiver
) -> None:
    receiver.replies = [Reply(307, {"Location": "http://127.0.0.1/"})] * 6 + [Reply(404)] * 6
    sender = make_sender()
    outcomes = [send(sender).outcome for _ in range(13)]
    assert outcomes == [SendOutcome.REFUSED] * 6 + [SendOutcome.REJECTED] * 6 + [SendOutcome.TAKEN]
