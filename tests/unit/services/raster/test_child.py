"""What the child makes of errors, and of what it is asked for."""

import errno
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import get_type_hints

import pytest
from pydantic import BaseModel

from schema.errors import GeojobsError, PermanentTaskError, RetryableTaskError
from schema.sandbox_messages import SourceFacts
from services.raster.box import SourceBox
from services.raster.child import OPERATIONS, failure_of, perform
from tests.support.child_operations import OPERATIONS as TRIALS
from tests.support.child_operations import Text
from tests.support.rasters import raster_bytes


def box_of(data: bytes, folder: Path, failure: GeojobsError | None = None) -> SourceBox:
    def read(name: str, offset: int, length: int) -> bytes:
        if failure is not None and offset > 0:
            raise failure
        return data[offset : offset + length]

    return SourceBox(folder, {"raster": SourceFacts(size=len(data))}, read, lambda _: None)


@pytest.mark.parametrize(
    ("error", "reason", "code"),
    [
        (PermanentTaskError("no", "RASTER_EMPTY"), "permanent", "RASTER_EMPTY"),
        (RetryableTaskError("no", "BLOB_UNAVAILABLE"), "retryable", "BLOB_UNAVAILABLE"),
        (MemoryError(), "memory", "RASTER_OUT_OF_MEMORY"),
        (OSError(errno.ENOSPC, "full"), "disk", "WORKER_DISK_FULL"),
        (OSError(errno.EFBIG, "large"), "permanent", "RASTER_DISK_FULL"),
        (OSError(errno.ENOENT, "absent"), "unexpected", "RASTER_PROCESS_FAILED"),
        (KeyError("secret"), "unexpected", "RASTER_PROCESS_FAILED"),
    ],
)
def test_an_error_is_told_by_its_kind(error: Exception, reason: str, code: str) -> None:
    failed = failure_of(error)
    assert (failed.reason, failed.code) == (reason, code)
    assert "secret" not in failed.message


@pytest.mark.parametrize("error", [ValueError("no"), PermanentTaskError("no", "RASTER_UNREADABLE")])
def test_an_error_is_told_by_what_caused_it(error: Exception) -> None:
    error.__cause__ = MemoryError()
    assert failure_of(error).reason == "memory"


def test_an_operation_runs_on_a_request_in_json(tmp_path: Path) -> None:
    box = box_of(raster_bytes(), tmp_path)
    assert perform(TRIALS, "local", b'{"text": ""}', box) == Text(
        text=f"{box.source('raster').opener} 64 {box.size('raster')}"
    )


def test_what_reading_a_source_met_goes_before_what_gdal_made_of_it(tmp_path: Path) -> None:
    failure = PermanentTaskError("replaced", "BLOB_CHANGED")
    data = raster_bytes(1_024, 1_024)
    with pytest.raises(PermanentTaskError) as raised:
        perform(TRIALS, "pixels", b"{}", box_of(data, tmp_path, failure))
    assert raised.value is failure


def test_the_head_of_a_source_is_read_alone(tmp_path: Path) -> None:
    assert box_of(b"II*\0rest", tmp_path).head("raster", 4) == b"II*\0"


def test_a_source_that_was_not_passed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PermanentTaskError):
        box_of(b"", tmp_path).source("other")


def test_no_other_file_is_opened_through_a_source(tmp_path: Path) -> None:
    opener = box_of(b"data", tmp_path).source("raster").opener
    assert opener is not None
    with pytest.raises(FileNotFoundError):
        opener("source-raster.aux.xml")


@pytest.mark.parametrize("dotted", OPERATIONS.values())
def test_an_operation_takes_a_request_and_a_box(dotted: str) -> None:
    module, _, name = dotted.partition(":")
    if find_spec(module) is None:
        pytest.skip(f"{module} is not there yet")
    request, *_, result = get_type_hints(getattr(import_module(module), name)).values()
    assert issubclass(request, BaseModel)
    assert issubclass(result, BaseModel)
