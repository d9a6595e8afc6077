"""Job types described as processes."""

from dataclasses import replace

import pytest

from orchestration.ogc.links import Links
from orchestration.ogc.processes import WHOLE_RESULT, Processes, output_names
from registration import DEVELOPMENT_JOBS, JOBS, JobCatalog, initialize_catalogs
from schema.errors import UnknownJobTypeError
from schema.ogc_reference import is_output_name

LINKS = Links("https://host/api")


@pytest.fixture
def processes() -> Processes:
    return Processes(initialize_catalogs(development=True)[0])


def test_pages_follow_each_other_by_name(processes: Processes) -> None:
    first, more = processes.page(2, None, LINKS)
    assert more
    rest, more = processes.page(10, first[-1].id, LINKS)
    assert not more
    names = [process.id for process in (*first, *rest)]
    assert names == sorted(job.job_type for job in (*JOBS, *DEVELOPMENT_JOBS))


def test_links_are_absolute(processes: Processes) -> None:
    process = processes.describe("echo", LINKS)
    assert process.links
    assert all(link.href.startswith("https://host/api/ogc/") for link in process.links)


def test_an_unknown_process_is_an_error(processes: Processes) -> None:
    with pytest.raises(UnknownJobTypeError):
        processes.describe("nonsense", LINKS)


def test_a_job_type_that_does_not_describe_its_result_has_one_output() -> None:
    catalog = JobCatalog()
    catalog.register(replace(JOBS[0], result=None))
    outputs = Processes(catalog).describe(JOBS[0].job_type, LINKS).outputs
    assert {name: output.value_schema for name, output in outputs.items()} == {
        WHOLE_RESULT: {"type": "object"}
    }


@pytest.mark.parametrize("job", [*JOBS, *DEVELOPMENT_JOBS], ids=lambda job: job.job_type)
def test_the_name_of_an_output_may_stand_in_the_id_of_a_job(job: object) -> None:
    assert all(map(is_output_name, output_names(job)))  # pyright: ignore[reportArgumentType]
