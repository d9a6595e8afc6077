"""What processes and folders use."""

import os
from pathlib import Path

import pytest

from repositories.sandbox_usage import (
    MOST_ENTRIES,
    PREFIX,
    disk_use_of,
    memory_of,
    prefix_of_this_process,
    remove_leftovers,
)
from schema.contracts.rasters import MAX_CHUNKS

ENOUGH = 10**9


def test_this_process_holds_memory() -> None:
    assert 10**6 < memory_of(os.getpid()) < 10**11


def test_a_process_that_is_not_there_holds_none() -> None:
    assert memory_of(2**22 + 1) == 0


def test_a_folder_takes_what_its_files_take(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "file").write_bytes(b"x" * 1_000_000)
    assert 1_000_000 <= disk_use_of(tmp_path, ENOUGH) < 1_100_000


def test_holes_take_nothing(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(10**12)
    assert disk_use_of(tmp_path, ENOUGH) < 100_000


def test_a_folder_of_more_files_than_an_assembly_has_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("repositories.sandbox_usage.MOST_ENTRIES", 20)
    for number in range(21):
        (tmp_path / str(number)).touch()
    assert disk_use_of(tmp_path, ENOUGH) > ENOUGH


def test_the_assembly_has_room_for_a_file_of_each_chunk_and_for_those_it_makes() -> None:
    assert MOST_ENTRIES >= 2 * MAX_CHUNKS


def test_a_folder_that_is_gone_takes_nothing(tmp_path: Path) -> None:
    assert disk_use_of(tmp_path / "gone", ENOUGH) == 0


def test_folders_of_processes_that_are_no_more_are_removed(tmp_path: Path) -> None:
    mine = tmp_path / f"{prefix_of_this_process()}abc"
    of_nobody = tmp_path / f"{PREFIX}-{2**22 + 1}-5-abc"
    of_one_before_me = tmp_path / f"{PREFIX}-{os.getpid()}-5-abc"
    others = [tmp_path / f"{PREFIX}-notes", tmp_path / "other"]
    for folder in (mine, of_nobody, of_one_before_me, *others):
        folder.mkdir()
        (folder / "file").touch()
    assert remove_leftovers(tmp_path) == 2
    assert sorted(tmp_path.iterdir()) == sorted([mine, *others])
