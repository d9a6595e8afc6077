import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.processes import ProcessIdentity, end, identify, is_alive, spawn
from tools.waiting import wait_until

_KILL = ((signal.SIGKILL, 10.0),)
_SLEEP = (sys.executable, "-c", "import time; time.sleep(60)")
_STUBBORN = (
    sys.executable,
    "-c",
    """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('deaf', flush=True)
time.sleep(60)
""",
)


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[ProcessIdentity]:
    process = spawn(_SLEEP, log=tmp_path / "log", environment={}, cwd=tmp_path)
    assert process is not None
    yield process
    end(process, _KILL)


def test_a_process_is_known_by_pid_and_start() -> None:
    assert identify(os.getpid()) == identify(os.getpid())


def test_a_name_with_spaces_and_brackets_does_not_confuse_the_start_time(tmp_path: Path) -> None:
    program = tmp_path / "a) S 1 (b"
    program.symlink_to("/bin/sleep")
    process = spawn([program, "60"], log=tmp_path / "log", environment={}, cwd=tmp_path)
    assert process is not None

    known = identify(process.pid)

    end(process, _KILL)
    assert known == process
    assert process.started.rpartition(":")[2].isdigit()


def test_no_one_is_identified_under_a_pid_that_is_not_in_use() -> None:
    child = subprocess.Popen(["/bin/true"])
    child.wait()

    assert identify(child.pid) is None


def test_a_dead_child_that_was_not_reaped_is_not_alive(tmp_path: Path) -> None:
    process = spawn(["/bin/true"], log=tmp_path / "log", environment={}, cwd=tmp_path)

    assert process is None or wait_until(lambda: not is_alive(process), 10)


def test_a_process_runs_in_a_session_of_its_own(sleeper: ProcessIdentity) -> None:
    assert os.getsid(sleeper.pid) == sleeper.pid


def test_a_process_reads_nothing_from_the_terminal(sleeper: ProcessIdentity) -> None:
    assert str(Path(f"/proc/{sleeper.pid}/fd/0").readlink()) == os.devnull


def test_output_is_appended_to_the_log(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "log"
    for word in ("one", "two"):
        spawn(["/bin/echo", word], log=log, environment={}, cwd=tmp_path)
        assert wait_until(lambda expected=word: expected in log.read_text("utf-8"), 10)

    assert log.read_text("utf-8") == "one\ntwo\n"


def test_a_process_that_obeys_ends_at_the_first_signal(sleeper: ProcessIdentity) -> None:
    assert end(sleeper, ((signal.SIGTERM, 10.0),))
    assert not is_alive(sleeper)


def test_a_process_that_ignores_the_first_signal_gets_the_next(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = spawn(_STUBBORN, log=log, environment={}, cwd=tmp_path)
    assert process is not None
    assert wait_until(lambda: "deaf" in log.read_text("utf-8"), 10)

    assert end(process, ((signal.SIGTERM, 0.2), (signal.SIGKILL, 10.0)))


def test_a_process_that_no_signal_ends_is_reported(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = spawn(_STUBBORN, log=log, environment={}, cwd=tmp_path)
    assert process is not None
    assert wait_until(lambda: "deaf" in log.read_text("utf-8"), 10)

    assert not end(process, ((signal.SIGTERM, 0.2),))
    end(process, _KILL)


def test_another_process_under_a_recycled_pid_is_left_alone(sleeper: ProcessIdentity) -> None:
    earlier = ProcessIdentity(sleeper.pid, f"{sleeper.started}0")

    assert end(earlier, _KILL)
    assert is_alive(sleeper)
