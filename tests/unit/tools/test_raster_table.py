from pathlib import Path
from typing import Any

import pytest

from tools.raster_rows import HEAD, table
from tools.raster_table import header_of, write
from tools.report import ToolError

HEADER = {"width": 700, "height": 333, "bands": 6, "dtypes": ["uint8"], "crs": "EPSG:32613"}
PLAN = {
    "warped": False,
    "overviews": 1,
    "chunking": None,
    "encoding": {"compression": "DEFLATE", "nodata": -9999.0, "mask": False},
}


def task(stage: int, index: str = "r00001", result: Any = None, error: Any = None) -> dict[str, Any]:
    return {
        "stage": stage,
        "task_index": index,
        "status": "failed" if error else "completed",
        "result": result,
        "error": error,
        "started_at": "2026-11-24T10:00:00Z",
        "finished_at": "2026-11-24T10:00:00.500000Z",
    }


def rows(text: str) -> list[str]:
    assert text.startswith(HEAD)
    return text.removeprefix(HEAD).splitlines()


def test_a_cog_is_told_with_what_it_is_and_how_it_was_made() -> None:
    tasks = [task(2, result={}), task(3, result=PLAN), task(7, result={"size": 1_234_567})]
    (row,) = rows(table(["a.tif"], {"a.tif": HEADER}, tasks))
    head, made = "`a.tif` | 700 x 333 | 6 uint8 | EPSG:32613", "1.2 MB | 1 | in one pass"
    assert row == f"| {head} | valid | {made} | DEFLATE, nodata -9999 | 1.5 |"


def test_the_chunks_of_a_raster_are_counted_and_timed() -> None:
    plan = {**PLAN, "chunking": {"columns": 2, "rows": 1}, "warped": True}
    chunks = [task(4, f"r00001-c{number:06d}", result={}) for number in range(2)]
    (row,) = rows(
        table(["a.tif"], {"a.tif": HEADER}, [task(3, result=plan), *chunks, task(7, result={"size": 9})])
    )
    assert "| valid, resampled |" in row
    assert "| of 2 chunks |" in row
    assert row.endswith("| 2.0 |")


def test_a_refusal_is_told_with_its_code_and_reason() -> None:
    error = {"code": "RASTER_IS_HTML", "message": "the content\nis a | page"}
    tasks = [task(2, "r00002", error=error)]
    assert rows(table(["a.tif", "b.tif"], {}, tasks)) == [
        "| `a.tif` |  |  |  | not finished |  |  |  |  | 0.0 |",
        "| `b.tif` |  |  |  | `RASTER_IS_HTML`: the content is a \\| page |  |  |  |  | 0.5 |",
    ]


@pytest.mark.parametrize("raster", [None, {"readable": False, "header": None}])
def test_a_file_without_a_header_has_none(raster: Any) -> None:
    assert header_of({"raster": raster}) is None


def test_a_table_is_put_into_its_place(tmp_path: Path) -> None:
    document = tmp_path / "rasters.md"
    document.write_text("before\n<!-- table: raster -->\nold\n<!-- end -->\nafter\n")
    write(document, "raster", "new\n")
    assert document.read_text() == "before\n<!-- table: raster -->\nnew\n<!-- end -->\nafter\n"


def test_a_document_without_a_place_is_left_as_it_is(tmp_path: Path) -> None:
    document = tmp_path / "rasters.md"
    document.write_text("nothing here\n")
    with pytest.raises(ToolError, match="no place for a table named raster"):
        write(document, "raster", "new\n")
