"""How large rasters may be, and which values their pixels can have."""

from collections.abc import Callable

import pytest

from schema.contracts.rasters import Number
from schema.errors import PermanentTaskError
from services.raster.limits import demand_bands, demand_block, demand_size, demand_type
from services.raster.numbers import number, pixel_value


def code_of(check: Callable[[], object]) -> str:
    with pytest.raises(PermanentTaskError) as caught:
        check()
    return caught.value.error_code


def test_pixels_of_40_gib_are_the_most() -> None:
    side = 2**16
    assert demand_size(side, side, 10, "uint8") == 40 * 1024**3
    assert code_of(lambda: demand_size(side, side + 1, 10, "uint8")) == "RASTER_TOO_LARGE"


def test_a_block_counts_with_all_bands_that_it_holds() -> None:
    demand_block((8192, 8192), 1, "uint8")
    assert code_of(lambda: demand_block((8192, 8192), 2, "uint8")) == "RASTER_BLOCK_TOO_LARGE"


@pytest.mark.parametrize(
    ("dtype", "most"), [("uint8", 256), ("int16", 256), ("float32", 128), ("float64", 64)]
)
def test_a_tile_of_the_most_bands_has_128_mib(dtype: str, most: int) -> None:
    demand_bands(most, dtype)
    assert code_of(lambda: demand_bands(most + 1, dtype)) == "RASTER_TOO_MANY_BANDS"


def test_bands_of_one_type_pass() -> None:
    assert demand_type(("int16", "int16")) == "int16"


@pytest.mark.parametrize(
    ("dtypes", "code"),
    [
        (("complex_int16",), "RASTER_COMPLEX"),
        (("uint8", "complex64"), "RASTER_COMPLEX"),
        (("uint8", "uint16"), "RASTER_MIXED_TYPES"),
        ((), "RASTER_MIXED_TYPES"),
        (("int64",), "RASTER_TYPE_UNSUPPORTED"),
        (("uint64", "uint64"), "RASTER_TYPE_UNSUPPORTED"),
    ],
)
def test_other_types_have_codes(dtypes: tuple[str, ...], code: str) -> None:
    assert code_of(lambda: demand_type(dtypes)) == code


@pytest.mark.parametrize(
    ("dtype", "value", "expected"),
    [
        ("uint8", 255, True),
        ("uint8", 256, False),
        ("uint8", -1, False),
        ("uint8", 0.5, False),
        ("uint8", "nan", False),
        ("int8", -128, True),
        ("int16", -32768, True),
        ("int16", 32768, False),
        ("uint32", 2**32 - 1, True),
        ("float32", "nan", True),
        ("float32", "-inf", True),
        ("float32", 1e39, False),
        ("float32", -3.4028234663852886e38, True),
        ("float64", 1e39, True),
    ],
)
def test_a_type_has_the_values_it_can_hold(dtype: str, value: Number, expected: bool) -> None:
    assert (pixel_value(dtype, value) is not None) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.1, 0.10000000149011612), (1e20, 1.0000000200408773e20), (-3.4028235e38, -3.4028234663852886e38)],
)
def test_a_float32_has_the_nearest_value(value: float, expected: float) -> None:
    assert pixel_value("float32", value) == expected


def test_numbers_that_json_lacks_become_text() -> None:
    assert [number(value) for value in (None, 1.5, float("nan"), float("inf"), float("-inf"))] == [
        None,
        1.5,
        "nan",
        "inf",
        "-inf",
    ]
