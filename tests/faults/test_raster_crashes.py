"""A kill -9 of the worker at each place where a COG in chunks might be left half made, and zombies, replaced
sources and cancellations. The output is whole or absent, and nothing else is left."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.hosting import eventually
from tests.faults import points
from tests.faults.conftest import TrialFactory
from tests.faults.points import Action, Fault
from tests.faults.rasters import (
    CHUNKS,
    SMALL,
    RasterTrial,
    children_in,
    make_containers,
)
from tests.faults.trial import Trial

PIXELS, ASSEMBLY, CHECKING, ITEM = 3, 4, 5, 6


@pytest.fixture(scope="module")
def raster_host(trials: TrialFactory) -> Trial:
    trial = trials()
    make_containers(trial)
    return trial


@pytest.fixture
def host(raster_host: Trial) -> Iterator[Trial]:
    points.disarm(raster_host.folder)
    if raster_host.process.process.poll() is not None:
        raster_host.restart()
    yield raster_host
    points.disarm(raster_host.folder)


def crash(host: Trial, point: str, raster: RasterTrial, match: str | None = None, skip: int = 0) -> None:
    """Kill the host where the raster's job reaches the point, and start it again."""
    points.arm(host.folder, Fault(point, match or raster.job_id[:8], skip))
    raster.submit()
    try:
        host.restart_after_death(60)
    except subprocess.TimeoutExpired as exc:
        raise AssertionError(f"nothing struck:\n{host.described(raster.job_id)}") from exc


def test_killed_while_a_child_makes_a_chunk(host: Trial, tmp_path: Path) -> None:
    raster = RasterTrial(host)
    raster.submit()
    eventually(lambda: raster.started(PIXELS))
    children = children_in(host.raster_folder)
    host.kill()
    eventually(lambda: not set(children) & set(children_in(host.raster_folder)), 20)
    host.restart()
    raster.assert_whole(tmp_path)
    assert max(raster.attempts(PIXELS)) > 1


@pytest.mark.parametrize("skip", [0, CHUNKS - 1], ids=["the first", "the last"])
def test_killed_after_a_chunk_is_staged_before_its_result_is_known(
    host: Trial, tmp_path: Path, skip: int
) -> None:
    raster = RasterTrial(host)
    crash(host, "blobs.stage_block:committed", raster, skip=skip)
    raster.assert_whole(tmp_path)
    assert max(raster.attempts(PIXELS)) > 1


def test_killed_in_the_assembly_before_the_block_list_is_committed(host: Trial, tmp_path: Path) -> None:
    raster = RasterTrial(host)
    crash(host, "blobs.commit_blocks:begin", raster)
    assert raster.cog() is None
    raster.assert_whole(tmp_path)
    assert raster.attempts(ASSEMBLY) == [2]


def test_killed_after_the_block_list_is_committed(host: Trial, tmp_path: Path) -> None:
    raster = RasterTrial(host)
    crash(host, "blobs.commit_blocks:committed", raster)
    committed = raster.cog()
    raster.assert_whole(tmp_path)
    assert raster.attempts(ASSEMBLY) == [2]
    assert raster.cog() == committed


def test_killed_while_the_parts_are_deleted(host: Trial, tmp_path: Path) -> None:
    raster = RasterTrial(host)
    crash(host, "blobs.delete:committed", raster, skip=CHUNKS // 2)
    raster.assert_whole(tmp_path)
    assert raster.attempts(ASSEMBLY) == [2]


@pytest.mark.parametrize("stage", [PIXELS, ASSEMBLY, CHECKING, ITEM])
def test_killed_when_all_is_done_before_the_result_is_stored(host: Trial, tmp_path: Path, stage: int) -> None:
    raster = RasterTrial(host)
    crash(host, "tasks.finish:begin", raster, f"{raster.job_id[:8]}-r1-s{stage}-")
    raster.assert_whole(tmp_path)
    assert max(raster.attempts(stage)) == 2


@pytest.mark.parametrize("point", ["stage_block:committed", "commit_blocks:begin", "commit_blocks:committed"])
def test_killed_in_one_pass(host: Trial, tmp_path: Path, point: str) -> None:
    raster = RasterTrial(host, SMALL)
    crash(host, f"blobs.{point}", raster)
    raster.assert_whole(tmp_path)
    assert raster.attempts(PIXELS) == [2]


def test_killed_between_the_files_beside_the_cog(host: Trial, tmp_path: Path) -> None:
    raster = RasterTrial(host)
    crash(host, "blobs.write:committed", raster, f"{raster.folder}/overview.png")
    raster.assert_whole(tmp_path)


@pytest.fixture
def pair(start_trial: TrialFactory) -> tuple[Trial, Trial]:
    """A worker that is to sleep, and another that does not start before it is asked to."""
    sleeper = start_trial()
    make_containers(sleeper)
    other = start_trial(beside=sleeper)
    other.kill()
    return sleeper, other


@pytest.mark.parametrize("point", ["blobs.stage_block:begin", "blobs.stage_block:committed"])
def test_a_zombie_stages_a_chunk_that_another_has_made(
    pair: tuple[Trial, Trial], tmp_path: Path, point: str
) -> None:
    """Its blocks come when the COG is there already."""
    sleeper, other = pair
    raster = RasterTrial(sleeper)
    sleeper.arm(point, raster.job_id, action=Action.STOP)
    raster.submit()
    sleeper.wait_until_struck(point)
    other.restart()
    assert other.wait(raster.job_id, 120) == "completed", other.described(raster.job_id)
    before = raster.cog()
    lost = lost_parts(raster)
    sleeper.resume()
    _wait_until_it_gave_up(sleeper)
    raster.assert_whole(tmp_path, left_by_zombies=lost)
    assert raster.cog() == before
    assert max(raster.attempts(PIXELS)) == 2


def test_a_zombie_stages_a_chunk_before_another_assembles(pair: tuple[Trial, Trial], tmp_path: Path) -> None:
    """Its blocks lie beside those of the attempt that counts when the list is committed."""
    sleeper, other = pair
    raster = RasterTrial(sleeper)
    sleeper.arm("blobs.stage_block:begin", raster.job_id, action=Action.STOP)
    raster.submit()
    sleeper.wait_until_struck("blobs.stage_block:begin")
    other.arm("blobs.commit_blocks:begin", raster.job_id, action=Action.STOP)
    other.restart()
    other.wait_until_struck("blobs.commit_blocks:begin")
    lost = lost_parts(raster)
    sleeper.resume()
    _wait_until_it_gave_up(sleeper)
    other.resume()
    raster.assert_whole(tmp_path, left_by_zombies=lost)


@pytest.mark.parametrize("moment", ["begin", "committed"])
def test_a_zombie_assembles_what_another_has_assembled(
    pair: tuple[Trial, Trial], tmp_path: Path, moment: str
) -> None:
    sleeper, other = pair
    raster = RasterTrial(sleeper)
    sleeper.arm(f"blobs.commit_blocks:{moment}", raster.job_id, action=Action.STOP)
    raster.submit()
    sleeper.wait_until_struck(f"blobs.commit_blocks:{moment}")
    other.restart()
    assert other.wait(raster.job_id, 120) == "completed", other.described(raster.job_id)
    before = raster.cog()
    sleeper.resume()
    _wait_until_it_gave_up(sleeper)
    raster.assert_whole(tmp_path)
    assert raster.cog() == before
    assert raster.attempts(ASSEMBLY) == [2]


@pytest.mark.parametrize("skip", [0, CHUNKS - 2], ids=["early", "late"])
def test_the_source_is_replaced_between_chunks(host: Trial, skip: int) -> None:
    raster = RasterTrial(host)
    host.arm("blobs.stage_block:begin", raster.job_id, skip=skip, action=Action.STOP)
    raster.submit()
    host.wait_until_struck("blobs.stage_block:begin")
    raster.replace_source()
    host.resume()
    raster.assert_absent("failed")
    assert raster.error_code() == "BLOB_CHANGED"


def test_the_source_is_replaced_before_the_assembly(host: Trial) -> None:
    """Which takes the header's metadata from it."""
    raster = RasterTrial(host)
    match = f"{raster.job_id[:8]}-r1-s{ASSEMBLY}-"
    points.arm(host.folder, Fault("tasks.claim:begin", match, action=Action.STOP))
    raster.submit()
    host.wait_until_struck("tasks.claim:begin")
    raster.replace_source()
    host.resume()
    raster.assert_absent("failed")
    assert raster.error_code() == "BLOB_CHANGED"


def test_the_source_is_replaced_after_the_cog_is_made(host: Trial) -> None:
    """It can no longer be compared, so nobody may take it for that source's."""
    raster = RasterTrial(host)
    host.arm("blobs.commit_blocks:committed", raster.job_id, action=Action.STOP)
    raster.submit()
    host.wait_until_struck("blobs.commit_blocks:committed")
    raster.replace_source()
    host.resume()
    assert host.wait(raster.job_id, 120) == "failed"
    assert raster.error_code() == "BLOB_CHANGED"
    assert "item.json" not in raster.outputs()


def test_cancelled_while_children_make_chunks(host: Trial) -> None:
    raster = RasterTrial(host)
    raster.submit()
    eventually(lambda: raster.started(PIXELS))
    answer = host.http.post(f"jobs/{raster.job_id}/cancel")
    assert answer.status_code == 202, answer.text
    raster.assert_absent("cancelled")


def lost_parts(raster: RasterTrial) -> frozenset[str]:
    """What the first attempts of chunks that were made twice call their reduced pixels."""
    twice = [index for index, attempt in enumerate(raster.attempts(PIXELS)) if attempt > 1]
    return frozenset(f"parts/{number:06d}-a1.tif" for number in twice)


def _wait_until_it_gave_up(sleeper: Trial) -> None:
    eventually(
        lambda: (
            sleeper.process.records("attempt finished", outcome="lost")
            or sleeper.process.records("attempt abandoned, its lease is lost")
        )
    )
