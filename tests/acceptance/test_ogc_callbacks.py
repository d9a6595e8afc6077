"""OGC API - Processes 1.0: subscribers of an execution. Tests bear the names of the abstract test suite
(18-062r2, annex A), after their conformance class."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from ogc_api_processes_client.models.status_info import StatusInfo

from tests.acceptance.conftest import HostFactory
from tests.acceptance.hosting import Host, eventually, write_host_json
from tests.support.https_receiver import RECEIVER, Authority, Receiver, running_receiver
from tests.support.ogc import fitting

SUBSCRIBER_APP = Path(__file__).parent / "subscriber_app"
SECRET = f"whsec_{base64.b64encode(bytes(range(32))).decode()}"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def receiver(authority: Authority) -> Iterator[Receiver]:
    with running_receiver(authority.server_context(RECEIVER)) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def subscribed(module_hosts: HostFactory, authority: Authority, receiver: Receiver) -> Host:
    database, account, folder = module_hosts._place()
    write_host_json(folder)
    environment = {
        "CALLBACK_SECRET": SECRET,
        "CALLBACK_ALLOWED_HOSTS": RECEIVER,
        "RECEIVER_PORT": str(receiver.server_port),
        "RECEIVER_AUTHORITY": str(authority.file),
    }
    return module_hosts._running(folder, database, account, environment, SUBSCRIBER_APP)


def execute(host: Host, process: str, own: str, inputs: dict[str, Any], **more: Any) -> str:
    """Execute a process, subscribed to all its news at addresses that begin with ``own``."""
    base = f"https://{RECEIVER}/{own}"
    subscriber = {
        "successUri": f"{base}/success",
        "inProgressUri": f"{base}/progress",
        "failedUri": f"{base}/failed",
    }
    body = {"inputs": inputs, "subscriber": subscriber, **more}
    answer = host.http.post(f"ogc/processes/{process}/execution", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["jobID"]


def told(receiver: Receiver, path: str) -> Any:
    """The body of the one call to this path, once it is there."""

    def calls() -> list[Any]:
        return [json.loads(call.body) for call in receiver.received if call.path == path]

    eventually(calls)
    assert len(calls()) == 1
    return calls()[0]


def test_callback_job_callback_success(subscribed: Host, receiver: Receiver) -> None:
    own = uuid4().hex
    execute(subscribed, "echo", own, {"message": own})
    assert told(receiver, f"/{own}/success") == {"message": own, "note": ""}
    assert f"/{own}/failed" not in receiver.paths


def test_callback_job_callback_in_progress(subscribed: Host, receiver: Receiver) -> None:
    own = uuid4().hex
    job_id = execute(subscribed, "echo", own, {"message": own, "pause": 60}, outputs={"note": {}})
    info = fitting(StatusInfo, told(receiver, f"/{own}/progress"))
    assert (info["jobID"], info["status"]) == (job_id, "running")
    subscribed.http.delete(f"ogc/jobs/{job_id}")


def test_callback_tells_of_the_outputs_that_were_asked_for(subscribed: Host, receiver: Receiver) -> None:
    own = uuid4().hex
    inputs = {"message": own, "note": "noted"}
    execute(subscribed, "echo", own, inputs, response="document", outputs={"note": {}})
    assert told(receiver, f"/{own}/success") == {"note": "noted"}


def test_callback_job_callback_failed(subscribed: Host, receiver: Receiver) -> None:
    own = uuid4().hex
    job_id = execute(subscribed, "hello_world", own, {"n": 2, "message": own, "fail_at": 1})
    info = fitting(StatusInfo, told(receiver, f"/{own}/failed"))
    assert (info["jobID"], info["status"]) == (job_id, "failed")
    assert info["message"] == "greeting 1 was told to fail"
    assert f"/{own}/success" not in receiver.paths


def test_callback_a_dismissed_job_is_told_of_as_one_that_failed(subscribed: Host, receiver: Receiver) -> None:
    own = uuid4().hex
    job_id = execute(subscribed, "echo", own, {"message": own, "pause": 60})
    subscribed.http.delete(f"ogc/jobs/{job_id}")
    assert fitting(StatusInfo, told(receiver, f"/{own}/failed"))["status"] == "dismissed"


def test_callback_links_lead_to_the_app_as_the_caller_found_it(subscribed: Host, receiver: Receiver) -> None:
    own = uuid4().hex
    execute(subscribed, "hello_world", own, {"n": 1, "message": own, "fail_at": 0})
    links = told(receiver, f"/{own}/failed")["links"]
    assert all(link["href"].startswith(f"{subscribed.http.base_url}ogc/jobs/") for link in links)
    assert subscribed.http.get(links[0]["href"]).status_code == 200


def test_callback_a_job_that_is_run_again_tells_of_the_new_run(subscribed: Host, receiver: Receiver) -> None:
    own = uuid4().hex
    inputs = {"message": own}
    job_id = subscribed.http.post("ogc/processes/echo/execution", json={"inputs": inputs}).json()["jobID"]
    subscribed.wait(job_id)
    subscribed.http.post(f"jobs/{job_id}/rerun")
    execute(subscribed, "echo", own, inputs)
    told(receiver, f"/{own}/success")
    runs = subscribed.rows("select distinct run from app.callbacks where job_id = %s", job_id)
    assert [row["run"] for row in runs] == [2]
