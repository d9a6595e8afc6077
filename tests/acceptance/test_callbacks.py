"""Callbacks through the whole app: delivered once, signed, whatever dies, and only to where they may go."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from standardwebhooks import Webhook

from tests.acceptance.conftest import HostFactory
from tests.acceptance.hosting import Host, eventually
from tests.support.https_receiver import (
    PUBLIC_ADDRESS,
    RECEIVER,
    Authority,
    Received,
    Receiver,
    Reply,
    running_receiver,
)

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
URL = f"https://{RECEIVER}/geojobs?token=hidden"
PRIVATE = {
    "metadata.example.com": "169.254.169.254",
    "loopback.example.com": "127.0.0.1",
    "loopback6.example.com": "::1",
}

StartHost = Callable[..., Host]


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    with running_receiver(Authority(tmp_path).server_context(RECEIVER)) as receiver:
        yield receiver


@pytest.fixture
def environment(receiver: Receiver, tmp_path: Path) -> dict[str, str]:
    names = {RECEIVER: [PUBLIC_ADDRESS], **{name: [address] for name, address in PRIVATE.items()}}
    return {
        "CALLBACK_SECRET": SECRET,
        "CALLBACK_ALLOWED_HOSTS": ",".join(names),
        "TRIAL_RECEIVER_PORT": str(receiver.server_port),
        "TRIAL_NAMES": json.dumps(names),
        "TRIAL_AUTHORITY": str(tmp_path / "authority.pem"),
    }


@pytest.fixture
def start(start_host: HostFactory, environment: dict[str, str]) -> StartHost:
    return lambda **changes: start_host.trial(**{**environment, **changes})


def submit(host: Host, url: str = URL, **parameters: Any) -> str:
    given = {"salt": uuid4().hex, **parameters}
    answer = host.http.post("jobs/submit/trial_fast", json=given, headers={"X-Callback-URL": url})
    assert answer.status_code in (200, 202), answer.text
    return answer.json()["job_id"]


def callback(host: Host, job_id: str) -> dict[str, Any]:
    """The only callback of the job as the API shows it."""
    (shown,) = host.http.get(f"db/jobs/{job_id}").json()["callbacks"]
    return shown


def settled(host: Host, job_id: str) -> dict[str, Any]:
    """The callback when nothing more will come of it."""
    ended = ("delivered", "failed", "void")
    return eventually(lambda: shown if (shown := callback(host, job_id))["state"] in ended else None)


def tried(host: Host, job_id: str, attempts: int) -> dict[str, Any]:
    """The callback after so many attempts."""
    return eventually(lambda: shown if (shown := callback(host, job_id))["attempt"] == attempts else None)


def verified(received: Received) -> dict[str, Any]:
    return Webhook(SECRET).verify(received.body, dict(received.headers))


def make_due(host: Host) -> None:
    """As if the time to wait, and the claims of the dead, were over."""
    host.execute("update app.callbacks set not_before = now(), claimed_until = null where state = 'due'")


def test_a_callback_is_delivered_once_and_its_signature_verifies(
    start: StartHost, receiver: Receiver
) -> None:
    host = start()
    job_id = submit(host)
    shown = settled(host, job_id)
    assert (shown["state"], shown["attempt"], shown["url"]) == ("delivered", 1, f"https://{RECEIVER}")
    (received,) = receiver.received
    told = verified(received)
    assert (received.path, told["type"]) == ("/geojobs?token=hidden", "job.completed")
    assert told["data"]["job_id"] == job_id
    assert host.http.get(told["data"]["links"]["self"]).json()["status"] == "completed"
    submit(host, salt=host.status(job_id)["parameters"]["salt"])
    assert callback(host, job_id)["state"] == "delivered"
    assert "hidden" not in host.process.output()


def test_a_failed_job_is_told_of_and_its_retried_run_again(start: StartHost, receiver: Receiver) -> None:
    host = start()
    salt = uuid4().hex
    job_id = submit(host, salt=salt, act="broken")
    assert settled(host, job_id)["status"] == "failed"
    host.let_go(salt)
    assert host.http.post(f"jobs/{job_id}/retry").status_code == 202
    first, second = eventually(lambda: receiver.received[:] if len(receiver.received) > 1 else None)
    assert [verified(each)["type"] for each in (first, second)] == ["job.failed", "job.completed"]
    assert verified(first)["data"]["error"]["code"]
    assert first.headers["webhook-id"] != second.headers["webhook-id"]


def test_a_receiver_that_is_down_at_first_gets_the_same_message_later(
    start: StartHost, receiver: Receiver
) -> None:
    receiver.replies = [Reply(503), Reply(500)]
    host = start()
    job_id = submit(host)
    for attempt, status in enumerate((503, 500), start=1):
        shown = tried(host, job_id, attempt)
        assert (shown["state"], shown["last_error"]) == ("due", f"answered {status}")
        make_due(host)
    assert (settled(host, job_id)["state"], callback(host, job_id)["attempt"]) == ("delivered", 3)
    assert len({each.headers["webhook-id"] for each in receiver.received}) == 1
    assert len({each.body for each in receiver.received}) == 1


def test_a_host_that_is_killed_before_it_delivers_loses_nothing(
    start: StartHost, start_host: HostFactory, environment: dict[str, str], receiver: Receiver
) -> None:
    host = start(AzureWebJobs_deliver_callbacks_Disabled="1")
    job_id = submit(host)
    assert host.wait(job_id)["status"] == "completed"
    assert callback(host, job_id)["state"] == "due"
    host.process.kill()
    folder = {"TRIAL_FOLDER": str(host.process.folder)}
    successor = start_host.restarted(host, **environment, **folder)
    assert settled(successor, job_id)["state"] == "delivered"
    assert [verified(each)["type"] for each in receiver.received] == ["job.completed"]


def test_a_host_that_is_killed_amid_a_delivery_makes_it_again_under_the_same_id(
    start: StartHost, start_host: HostFactory, environment: dict[str, str], receiver: Receiver
) -> None:
    receiver.replies = [Reply(stall=True)]
    host = start()
    job_id = submit(host)
    eventually(lambda: receiver.received)
    host.process.kill()
    successor = start_host.restarted(host, **environment, TRIAL_FOLDER=str(host.process.folder))
    make_due(successor)
    assert settled(successor, job_id)["state"] == "delivered"
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    verified(second)


def test_what_leads_to_a_private_address_is_not_called(start: StartHost, receiver: Receiver) -> None:
    host = start()
    jobs = [submit(host, f"https://{name}/") for name in PRIVATE]
    for job_id in jobs:
        shown = settled(host, job_id)
        assert (shown["state"], shown["attempt"]) == ("failed", 1)
        assert "private" in shown["last_error"]
    receiver.replies = [Reply(307, {"Location": "https://metadata.example.com/latest"})]
    redirected = settled(host, submit(host))
    assert (redirected["state"], redirected["attempt"]) == ("failed", 1)
    assert "private" in redirected["last_error"]
    assert receiver.paths == ["/geojobs?token=hidden"]
    health = host.http.get("health").json()["components"]["callbacks"]
    assert (health["state"], health["details"]["given_up"]) == ("healthy", len(PRIVATE) + 1)
    assert len(host.process.records("callback given up", level="WARNING")) == len(PRIVATE) + 1


@pytest.mark.parametrize(
    "url", ["http://hooks.example.com/", "https://elsewhere.example.com/", "https://127.0.0.1/"]
)
def test_a_callback_that_is_not_allowed_is_a_400_and_no_job(host: Host, url: str) -> None:
    answer = host.http.post("jobs/submit/hello_world", json={"n": 1}, headers={"X-Callback-URL": url})
    assert answer.status_code == 400
    assert [error["pointer"] for error in answer.json()["errors"]] == ["X-Callback-URL"]
