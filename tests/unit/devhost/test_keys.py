"""Keys: which opens what, and where they come from."""

import logging
from pathlib import Path

import pytest

from devhost.errors import StartError
from devhost.keys import Keys, Level, load_keys

KEYS = Keys("function-key", "master-key")


@pytest.mark.parametrize(
    ("level", "key", "opened"),
    [
        (Level.ANONYMOUS, None, True),
        (Level.ANONYMOUS, "wrong", True),
        (Level.FUNCTION, "function-key", True),
        (Level.FUNCTION, "master-key", True),
        (Level.FUNCTION, "wrong", False),
        (Level.FUNCTION, None, False),
        (Level.FUNCTION, "", False),
        (Level.ADMIN, "master-key", True),
        (Level.ADMIN, "function-key", False),
        (Level.ADMIN, None, False),
    ],
)
def test_a_key_opens_its_levels(level: Level, key: str | None, *, opened: bool) -> None:
    assert KEYS.open(level, key) is opened


def test_keys_are_taken_from_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    keys = load_keys({"DEVHOST_FUNCTION_KEY": "f", "DEVHOST_MASTER_KEY": "m"}, path)
    assert keys == Keys("f", "m")
    assert not path.exists()


def test_absent_keys_are_made_and_kept_privately(tmp_path: Path) -> None:
    path = tmp_path / ".local" / "keys.json"
    keys = load_keys({}, path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert len({keys.function, keys.master}) == 2
    assert load_keys({}, path) == keys


def test_one_given_key_is_used_with_one_kept(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    kept = load_keys({}, path)
    assert load_keys({"DEVHOST_MASTER_KEY": "m"}, path) == Keys(kept.function, "m")


def test_keys_appear_neither_in_the_log_nor_in_a_repr(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        keys = load_keys({}, tmp_path / "keys.json")
    facts = str([vars(record) for record in caplog.records]) + repr(keys)
    assert str(tmp_path / "keys.json") in facts
    assert keys.function not in facts
    assert keys.master not in facts


@pytest.mark.parametrize("content", ["", "[]", '{"function": "f"}', '{"function": "", "master": "m"}'])
def test_a_file_without_both_keys_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(content)
    with pytest.raises(StartError, match=r"keys\.json"):
        load_keys({}, path)
