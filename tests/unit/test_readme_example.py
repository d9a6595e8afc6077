"""The README's example of a job type is registered, planned and run as it stands there."""

import hashlib
import re
import sys
from types import ModuleType
from typing import Any

import pytest

from orchestration.planning import StagePlanner
from orchestration.submission import Caller, SubmitJob
from registration import JobCatalog, TaskCatalog, verify_catalogs
from schema.records import JobRecord, OpenStage
from tests.fakes.blobs import FakeBlobRepository
from tests.fakes.task_context import FakeTaskContext
from tools.paths import ROOT

_BLOCK = re.compile(r"^`([\w/]+\.py)`\n\n```(python|diff)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _blocks(language: str) -> dict[str, str]:
    text = (ROOT / "README.md").read_text("utf-8")
    return {found[1]: found[3] for found in _BLOCK.finditer(text) if found[2] == language}


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names that ``registration.py`` would have with the example's lines in it."""
    for path, code in _blocks("python").items():
        name = path.removesuffix(".py").replace("/", ".")
        package, _, short = name.rpartition(".")
        module = ModuleType(name)
        monkeypatch.setitem(sys.modules, name, module)
        monkeypatch.setattr(sys.modules[package], short, module, raising=False)
        # The brackets tell coverage that there is no such file to report on.
        exec(compile(code, f"<README.md: {path}>", "exec"), vars(module))  # noqa: S102 -- our own README's
    imports = [line for line in _added_lines() if line.startswith("from ")]
    names: dict[str, Any] = {}
    exec("\n".join(imports), names)  # noqa: S102 -- our own README's
    return names


def _added_lines() -> list[str]:
    diff = _blocks("diff")["registration.py"].splitlines()
    return [line[1:].strip() for line in diff if line.startswith("+")]


@pytest.fixture
def catalogs(example: dict[str, Any]) -> tuple[JobCatalog, TaskCatalog]:
    entries = "".join(line for line in _added_lines() if not line.startswith("from "))
    registration, (info, handler) = eval(entries, example)  # noqa: S307 -- our own README's
    jobs, tasks = JobCatalog(), TaskCatalog()
    jobs.register(registration)
    tasks.register(info, handler)
    return jobs, tasks


def _planned(catalogs: tuple[JobCatalog, TaskCatalog], body: dict[str, Any]) -> tuple[JobRecord, OpenStage]:
    jobs, tasks = catalogs
    submit = SubmitJob(jobs, jobs=None, relay=None)  # type: ignore[arg-type]  # it only validates here
    new = submit.validate("checksum_blobs", body, Caller("readme"))
    job = JobRecord.model_validate(
        {**vars(new), "status": "queued", "stage": 1, "run": 1, "created_at": 0, "updated_at": 0}
    )
    step = StagePlanner(jobs, tasks).plan(job, 1, {})
    assert isinstance(step, OpenStage)
    return job, step


def test_the_example_fits_together(catalogs: tuple[JobCatalog, TaskCatalog]) -> None:
    verify_catalogs(*catalogs)
    assert catalogs[0].names() == ("checksum_blobs",)


def test_the_example_plans_a_task_for_each_blob(catalogs: tuple[JobCatalog, TaskCatalog]) -> None:
    _, stage = _planned(catalogs, {"container": "bronze", "blobs": ["a", "b"]})
    assert [task.parameters["blob"] for task in stage.tasks] == ["a", "b"]


def test_the_examples_handler_hashes_a_blob(catalogs: tuple[JobCatalog, TaskCatalog]) -> None:
    data = bytes(range(256)) * 20_000
    blobs = FakeBlobRepository()
    blobs.put("bronze", "a", data)
    _, stage = _planned(catalogs, {"container": "bronze", "blobs": ["a"]})
    info, handler = catalogs[1].info("checksum_blob"), catalogs[1].handler("checksum_blob")
    parameters = info.contract.parameters.model_validate(stage.tasks[0].parameters)

    result = handler(parameters, FakeTaskContext(blobs))

    assert result == info.contract.result(blob="a", sha256=hashlib.sha256(data).hexdigest())
    assert len(blobs.reads) == 2


def test_the_example_is_short() -> None:
    lines = [line for code in _blocks("python").values() for line in code.splitlines()]
    written = [line for line in lines if line.strip() and not line.startswith(("from ", "import ", '"""'))]
    assert len(written) <= 42
