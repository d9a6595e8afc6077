"""What ``docs/rasters.md`` says of codes, parameters and files is all there is."""

import re

import pytest

from registration import JOBS
from tests.architecture.source import ROOT
from tests.support.rasters import real_file

_DOCUMENT = (ROOT / "docs" / "rasters.md").read_text("utf-8")
_CODE = re.compile(r"\b(?:RASTER|SANDBOX|WORKER)_[A-Z_]*[A-Z]\b")
_PLACES = ("services/raster", "services/containers", "repositories", "schema")


def _codes_in_code() -> set[str]:
    sources = [path for place in _PLACES for path in (ROOT / place).rglob("*.py")]
    literal = re.compile(rf'"({_CODE.pattern})"')
    return {code for path in sources for code in literal.findall(path.read_text("utf-8"))}


def _table(name: str) -> list[str]:
    found = re.search(rf"<!-- table: {name} -->\n(.*?)<!-- end -->", _DOCUMENT, re.DOTALL)
    return re.findall(r"^\| `([^`]+)` \|", found[1], re.MULTILINE) if found else []


def test_every_code_is_explained_and_no_other() -> None:
    assert set(re.findall(rf"^\| `({_CODE.pattern})` \|", _DOCUMENT, re.MULTILINE)) == _codes_in_code()


def test_every_code_that_is_told_of_is_explained() -> None:
    assert set(_CODE.findall(_DOCUMENT)) <= _codes_in_code()


@pytest.mark.parametrize("name", ["process_raster", "process_raster_collection"])
def test_every_parameter_is_described(name: str) -> None:
    (job,) = [job for job in JOBS if job.job_type == name]
    own = job.parameters.model_json_schema()["properties"].keys() - {
        "dataset_id",
        "resource_id",
        "version_id",
    }
    assert sorted(field for field in own if f"`{field}`" not in _DOCUMENT) == []


@pytest.mark.parametrize("folder", ["raster", "broken"])
def test_the_tables_name_the_files_that_there_are(folder: str) -> None:
    assert sorted(_table(folder)) == sorted(path.name for path in real_file(folder).iterdir())
