"""Local settings, references to settings, the number of threads."""

import json
from pathlib import Path

import pytest

from devhost.environment import (
    apply_values,
    load_local_settings,
    resolve_references,
    worker_threads,
)
from devhost.errors import StartError


def write(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "local.settings.json"
    path.write_text(json.dumps(content))
    return path


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    settings = load_local_settings(write(tmp_path, {"Values": {"A": "file", "B": "file"}}))
    environment = {"A": "environment"}
    apply_values(settings, environment)
    assert environment == {"A": "environment", "B": "file"}


def test_an_absent_file_sets_nothing(tmp_path: Path) -> None:
    assert load_local_settings(tmp_path / "local.settings.json").values == {}


def test_the_file_may_choose_the_port(tmp_path: Path) -> None:
    assert load_local_settings(write(tmp_path, {"Host": {"LocalHttpPort": 7072}})).host.port == 7072


def test_an_encrypted_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="encrypted"):
        load_local_settings(write(tmp_path, {"IsEncrypted": True, "Values": {}}))


def test_an_error_never_shows_a_value(tmp_path: Path) -> None:
    path = write(tmp_path, {"Values": {"SECRET": {"nested": "hunter2"}}})
    with pytest.raises(StartError) as caught:
        load_local_settings(path)
    assert "SECRET" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_references_are_replaced_by_settings() -> None:
    assert resolve_references("%PREFIX%-jobs", {"PREFIX": "geo"}) == "geo-jobs"


def test_a_reference_to_nothing_is_refused() -> None:
    with pytest.raises(StartError, match="PREFIX"):
        resolve_references("%PREFIX%-jobs", {})


def test_the_number_of_threads_can_be_set() -> None:
    assert worker_threads({"PYTHON_THREADPOOL_THREAD_COUNT": "7"}) == 7


def test_the_number_of_threads_follows_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert worker_threads({}) == 6
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    assert worker_threads({}) == 32


@pytest.mark.parametrize("text", ["0", "-1", "many", ""])
def test_a_number_of_threads_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(StartError, match="THREAD_COUNT"):
        worker_threads({"PYTHON_THREADPOOL_THREAD_COUNT": text})
