"""All that OGC API - Processes can do, in one place."""

from dataclasses import dataclass

from interfaces.blobs import BlobAddresses
from interfaces.catalogs import JobCatalog
from interfaces.job_search import JobSearchRepository
from interfaces.repositories import JobRepository
from orchestration.controlling import JobControl
from orchestration.ogc.callbacks import SubscriberBody
from orchestration.ogc.execution import ExecuteProcess
from orchestration.ogc.jobs import Jobs
from orchestration.ogc.processes import Processes
from orchestration.ogc.results import Results
from orchestration.results import ResultReader
from orchestration.submission import SubmitJob
from orchestration.viewing import JobViewer


@dataclass(frozen=True)
class OgcApi:
    processes: Processes
    execute: ExecuteProcess
    jobs: Jobs
    results: Results

    @classmethod
    def over(
        cls,
        catalog: JobCatalog,
        jobs: JobRepository,
        reader: ResultReader,
        addresses: BlobAddresses,
        search: JobSearchRepository,
        *,
        viewer: JobViewer,
        submit: SubmitJob,
        control: JobControl,
    ) -> "OgcApi":
        """The same jobs as everywhere, under the standard's names."""
        return cls(
            processes=Processes(catalog),
            execute=ExecuteProcess(catalog, submit),
            jobs=Jobs(viewer, search, control),
            results=Results(catalog, jobs, reader, addresses),
        )


def subscriber_body(
    catalog: JobCatalog, jobs: JobRepository, reader: ResultReader, addresses: BlobAddresses
) -> SubscriberBody:
    """What makes the bodies that subscribers get."""
    return SubscriberBody(jobs, Results(catalog, jobs, reader, addresses))
