"""Numbers as JSON can carry them, and whether a type of pixels has them."""

import math
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

_FLOAT32_MAX = 3.4028234663852886e38
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


def has_value(dtype: str, value: Number) -> bool:
    """Whether a pixel of this type can have the value."""
    plain = float(value)
    if is_float(dtype):
        return dtype == "float64" or not math.isfinite(plain) or abs(plain) <= _FLOAT32_MAX
    if not plain.is_integer():
        return False
    bits = itemsize(dtype) * _BYTE
    lowest, highest = (0, 2**bits - 1) if dtype.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return lowest <= plain <= highest
