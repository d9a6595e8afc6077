from pathlib import Path
from typing import Any

import pytest

from tools.raster_rows import row, table
from tools.raster_table import header_of, write
from tools.report import ToolError

HEADER = {"width": 700, "height": 333, "bands": 6, "dtypes": ["uint8"], "crs": "EPSG:32613"}
PLAN = {
    "warped": False,
    "overviews": 1,
    "encoding": {"compression": "DEFLATE", "nodata": -9999.0, "mask": False},
}


def job(status: str = "completed", chunks: int = 0, error: Any = None, **plan: Any) -> dict[str, Any]:
    """The final status of a job, as far as it matters."""
    return {
        "status": status,
        "error": error,
        "stage_results": {"2": {"task_results": [{"result_data": {**PLAN, **plan}}]}},
        "result_data": {"size": 1_234_567, "chunks": chunks},
        "created_at": "2026-11-24T10:00:00Z",
        "finished_at": "2026-11-24T10:00:01.500000Z",
    }


def test_a_cog_is_told_with_what_it_is_and_how_it_was_made() -> None:
    head, made = "`a.tif` | 700 x 333 | 6 uint8 | EPSG:32613", "1.2 MB | 1 | in one pass"
    assert row("a.tif", HEADER, job()) == f"| {head} | valid | {made} | DEFLATE, nodata -9999 | 1.5 |\n"


def test_chunks_masks_and_resampling_are_told() -> None:
    encoding = {"compression": "JPEG", "nodata": None, "mask": True}
    made = row("a.tif", HEADER, job(chunks=81, warped=True, encoding=encoding))
    assert "| valid, resampled | 1.2 MB | 1 | of 81 chunks | JPEG, mask |" in made


def test_a_refusal_is_told_with_its_code_and_reason() -> None:
    error = {"code": "RASTER_IS_HTML", "message": "the content\nis a | page"}
    made = row("b.tif", None, job("failed", error=error))
    assert made == "| `b.tif` |  |  |  | `RASTER_IS_HTML`: the content is a \\| page |  |  |  |  | 1.5 |\n"


def test_a_table_has_a_head_and_the_rows() -> None:
    assert table(["| a |\n", "| b |\n"]).endswith("|---|\n| a |\n| b |\n")


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
