"""``echo`` from end to end over fakes, and its handler by itself."""

import pytest

from controllers.echo import REGISTRATION_INFO
from schema.contracts.echo import EchoParameters
from schema.errors import TaskCancelledError
from schema.states import JobStatus
from services.echo import answer
from tests.fakes.blobs import FakeBlobRepository
from tests.fakes.task_context import FakeTaskContext
from tests.support.system import FakeSystem


def test_what_is_said_comes_back() -> None:
    system = FakeSystem([REGISTRATION_INFO], [(answer.INFO, answer.run)])
    job_id = system.submit("echo", {"message": "hello", "note": "ü"}).job.job_id
    system.run_until_quiet()
    job = system.job(job_id)
    assert (job.status, job.result) == (JobStatus.COMPLETED, {"message": "hello", "note": "ü"})


def test_a_pause_ends_when_the_task_is_told_to_stop() -> None:
    context = FakeTaskContext(FakeBlobRepository(), stop_after=2)
    with pytest.raises(TaskCancelledError):
        answer.run(EchoParameters(message="m", note="n", pause=60), context)
    assert context.progress == [1 / 600, 2 / 600]
