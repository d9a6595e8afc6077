import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import launching
from tools.processes import end
from tools.profiles import Profile, ServiceState
from tools.report import ToolError


def _launch(profile: Profile, code: str) -> ServiceState:
    return launching.launch(
        profile, "svc", [sys.executable, "-c", code], {"http": 1}, environment={}, cwd=profile.folder
    )


def test_a_started_service_is_on_record(tmp_path: Path) -> None:
    profile = Profile("dev", tmp_path)
    state = _launch(profile, "import time; time.sleep(60)")

    recorded = profile.alive("svc")

    end(state.process, ((signal.SIGKILL, 10.0),))
    assert recorded == state


def test_a_service_that_ends_is_reported_with_its_log(tmp_path: Path) -> None:
    profile = Profile("dev", tmp_path)
    state = _launch(profile, "raise SystemExit('no such setting')")

    with pytest.raises(ToolError, match=r"svc did not start; .*\nno such setting"):
        launching.await_ready(profile, "svc", state, lambda: False)


def test_the_log_before_is_kept(tmp_path: Path) -> None:
    profile = Profile("dev", tmp_path)
    for word in ("one", "two"):
        state = _launch(profile, f"print('{word}')")
        with pytest.raises(ToolError):
            launching.await_ready(profile, "svc", state, lambda: False)

    assert profile.log("svc").read_text("utf-8") == "two\n"
    assert (profile.log_folder / "svc.previous.log").read_text("utf-8") == "one\n"


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A shell starts what it puts into the background with interrupts ignored, these tests too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_while_a_service_starts_comes_after_its_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = Profile("dev", tmp_path)
    real = launching.spawn

    def interrupted(*args: object, **options: object) -> object:
        os.kill(os.getpid(), signal.SIGINT)
        return real(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(launching, "spawn", interrupted)

    with pytest.raises(KeyboardInterrupt):
        _launch(profile, "import time; time.sleep(60)")
    state = profile.alive("svc")
    assert state is not None
    end(state.process, ((signal.SIGKILL, 10.0),))
