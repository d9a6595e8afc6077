import os
import stat
from pathlib import Path

import pytest

from tools import profiles
from tools.processes import ProcessIdentity, identify
from tools.profiles import Profile, ServiceState, own_test_profile


@pytest.fixture
def dev(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Profile:
    monkeypatch.setattr(profiles, "LOCAL", tmp_path)
    return profiles.profile(profiles.DEV)


def _own_process() -> ProcessIdentity:
    known = identify(os.getpid())
    assert known is not None
    return known


def test_a_secret_stays_the_same(dev: Profile) -> None:
    assert dev.secret("one") == dev.secret("one")


def test_secrets_differ(dev: Profile) -> None:
    assert dev.secret("one") != dev.secret("two")


def test_only_the_owner_reads_secrets(dev: Profile) -> None:
    dev.secret("one")

    assert stat.S_IMODE((dev.folder / "secrets.json").stat().st_mode) == 0o600


def test_a_remembered_service_is_alive_while_its_process_is(dev: Profile) -> None:
    state = ServiceState(_own_process(), {"http": 1}, "data")
    dev.remember("devhost", state)

    assert dev.alive("devhost") == state


def test_a_service_whose_pid_now_belongs_to_another_is_not_alive(dev: Profile) -> None:
    dev.remember("devhost", ServiceState(ProcessIdentity(os.getpid(), "earlier"), {}))

    assert dev.alive("devhost") is None
    assert "devhost" in dev.states()


def test_a_forgotten_service_is_unknown_and_others_are_kept(dev: Profile) -> None:
    dev.remember("devhost", ServiceState(_own_process(), {}))
    dev.remember("azurite", ServiceState(_own_process(), {}))

    dev.forget("devhost")

    assert list(dev.states()) == ["azurite"]


def test_profiles_that_started_something_are_found(dev: Profile) -> None:
    dev.remember("devhost", ServiceState(_own_process(), {}))
    with own_test_profile() as test:
        test.remember("postgres", ServiceState(_own_process(), {}))

    assert [each.name for each in profiles.existing_profiles()] == ["dev", "test"]


def test_test_runs_side_by_side_have_profiles_of_their_own(dev: Profile) -> None:
    with own_test_profile() as first, own_test_profile() as second:
        assert (first.name, second.name) == ("test", "test-2")


def test_the_profile_of_an_ended_test_run_is_used_again(dev: Profile) -> None:
    with own_test_profile():
        pass
    with own_test_profile() as again:
        assert again.name == "test"


def test_only_dev_is_not_for_tests(dev: Profile) -> None:
    assert not dev.for_tests
    assert profiles.profile("test-2").for_tests
