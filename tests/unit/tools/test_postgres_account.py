import os
from pathlib import Path

import pytest

from tools.postgres_account import Account, account, can_reach, data_folder
from tools.profiles import Profile

_NOBODY = Account(uid=65534, gid=65534, switch=True)
_SELF = Account(os.geteuid(), os.getegid(), switch=False)


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A folder whose parent only its owner may enter."""
    folder = tmp_path / "home" / "dev"
    folder.mkdir(parents=True)
    folder.parent.chmod(0o700)
    return folder


def test_a_closed_parent_keeps_others_out(closed: Path) -> None:
    assert not can_reach(closed, _NOBODY)


def test_the_owner_passes(closed: Path) -> None:
    assert can_reach(closed, _SELF)


def test_an_open_folder_is_reached() -> None:
    assert can_reach(Path("/usr/bin"), _NOBODY)


def test_data_that_the_server_could_not_reach_go_to_its_own_home(closed: Path) -> None:
    folder = data_folder(Profile("dev", closed), _NOBODY)

    assert folder.parent == Path("/var/lib/postgresql")
    assert folder.name.startswith("geojobs-")
    assert folder.name.endswith("-dev")


def test_data_stay_in_the_checkout_where_no_other_user_is_needed(closed: Path) -> None:
    assert data_folder(Profile("dev", closed), _SELF) == closed / "postgres"


def test_root_hands_the_server_to_another_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    assert account().user not in (0, None)


def test_others_run_it_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert account().user is None
