"""The index of a listing as Parquet: one row for each file, rasters' headers in columns of their own."""

# pyarrow comes without types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from schema.contracts.list_container import FileMetadata

_COLUMNS = pa.schema(
    [
        pa.field("name", pa.string(), nullable=False),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("last_modified", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("etag", pa.string(), nullable=False),
        pa.field("content_type", pa.string()),
        pa.field("extension", pa.string()),
        pa.field("category", pa.string()),
        pa.field("format", pa.string()),
        pa.field("readable", pa.bool_()),
        pa.field("problem_code", pa.string()),
        pa.field("problem_message", pa.string()),
        pa.field("driver", pa.string()),
        pa.field("width", pa.int64()),
        pa.field("height", pa.int64()),
        pa.field("bands", pa.int64()),
        pa.field("dtypes", pa.list_(pa.string())),
        pa.field("crs", pa.string()),
        pa.field("bounds", pa.list_(pa.float64())),
        pa.field("nodata", pa.float64()),
        pa.field("is_cog", pa.bool_()),
    ]
)


def parquet_of(files: Sequence[FileMetadata]) -> bytes:
    """The bytes of a Parquet file with one row for each file."""
    table = pa.Table.from_pylist([_row(file) for file in files], schema=_COLUMNS)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue().to_pybytes()


def _row(file: FileMetadata) -> dict[str, object]:
    row: dict[str, object] = file.model_dump(exclude={"raster"})
    raster = file.raster
    if raster is None:
        return row
    row["readable"] = raster.readable
    if raster.problem is not None:
        row["problem_code"] = raster.problem.code
        row["problem_message"] = raster.problem.message
    if raster.header is not None:
        row.update(raster.header.model_dump())
        row["nodata"] = None if raster.header.nodata is None else float(raster.header.nodata)
    return row
