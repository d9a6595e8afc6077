"""Modules and functions stay small enough to be read in one sitting."""

import statistics

from tests.architecture.source import APP, AROUND, functions, python_files, shown

LONGEST_MODULE = 400
MEDIAN_MODULE = 120
LONGEST_FUNCTION = 50

_EVERYTHING = python_files(*APP, *AROUND)
_LENGTHS = {shown(path): len(path.read_text("utf-8").splitlines()) for path in _EVERYTHING}


def test_no_module_is_longer_than_400_lines() -> None:
    assert {path: lines for path, lines in _LENGTHS.items() if lines > LONGEST_MODULE} == {}


def test_the_median_module_has_at_most_120_lines() -> None:
    assert statistics.median(_LENGTHS.values()) <= MEDIAN_MODULE


def test_no_function_is_longer_than_50_lines() -> None:
    too_long = {}
    for path in _EVERYTHING:
        for function in functions(path):
            lines = (function.end_lineno or function.lineno) - function.lineno + 1
            if lines > LONGEST_FUNCTION:
                too_long[f"{shown(path)}:{function.lineno} {function.name}"] = lines
    assert too_long == {}
