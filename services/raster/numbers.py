"""Numbers as JSON can carry them, and whether a type of pixels has them."""

import math
import struct
from typing import Literal

from schema.contracts.rasters import Number

_SIZES = {
    "int8": 1,
    "uint8": 1,
    "int16": 2,
    "uint16": 2,
    "int32": 4,
    "uint32": 4,
    "float32": 4,
    "float64": 8,
}
DTYPES = frozenset(_SIZES)
"""The types of pixels that are processed. 64-bit integers are not: nodata and statistics pass through floats,
which hold only 53 bits of them."""

_BYTE = 8


def itemsize(dtype: str) -> int:
    """Bytes of one pixel of one band."""
    return _SIZES[dtype]


def is_float(dtype: str) -> bool:
    return dtype.startswith("float")


def number(value: float | None) -> Number | None:
    """A float as JSON can carry it."""
    if value is None or math.isfinite(value):
        return None if value is None else float(value)
    return "nan" if math.isnan(value) else _infinite(value)


def _infinite(value: float) -> Literal["inf", "-inf"]:
    return "inf" if value > 0 else "-inf"


def pixel_value(dtype: str, value: Number) -> Number | None:
    """The value as a pixel of this type has it, for ``float32`` the nearest one; ``None`` where none can."""
    if dtype == "float32":
        return _in_float32(float(value))
    return value if is_float(dtype) or _fits(dtype, float(value)) else None


def _in_float32(value: float) -> Number | None:
    try:
        return number(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return None


def _fits(dtype: str, value: float) -> bool:
    if not value.is_integer():
        return False
    bits = itemsize(dtype) * _BYTE
    lowest, highest = (0, 2**bits - 1) if dtype.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return lowest <= value <= highest
