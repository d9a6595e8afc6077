"""The bodies that subscribers of an execution get: the results of a good end, else the job's status."""

from interfaces.repositories import JobRepository
from orchestration.ogc.jobs import STATUS_CODES
from orchestration.ogc.links import Links
from orchestration.ogc.results import JobResults, Results
from schema.callbacks import CallbackRecord
from schema.json_types import JSONObject
from schema.ogc import StatusCode, StatusInfo
from schema.ogc_reference import JobReference
from schema.results import ErrorDetail
from schema.states import FINAL_JOB_STATES


class SubscriberBody:
    """Makes the body of form ``ogc``."""

    def __init__(self, jobs: JobRepository, results: Results) -> None:
        self._jobs = jobs
        self._results = results

    def __call__(self, callback: CallbackRecord) -> JSONObject:
        """As the news was made. Results that a later run has replaced are not to be had any more: then it is
        the status that tells of the good end."""
        links = Links(callback.base_url)
        if STATUS_CODES[callback.status] is StatusCode.SUCCESSFUL and self._is_as_it_was(callback):
            found = self._results.find(JobReference(callback.job_id), links)
            if isinstance(found, JobResults):
                return found.document()
        return _status(callback, links).document()

    def _is_as_it_was(self, callback: CallbackRecord) -> bool:
        job = self._jobs.get(callback.job_id)
        return job is not None and job.run == callback.run


def _status(callback: CallbackRecord, links: Links) -> StatusInfo:
    code = STATUS_CODES[callback.status]
    error = None if callback.error is None else ErrorDetail.model_validate(callback.error)
    return StatusInfo(
        process_id=callback.job_type,
        job_id=callback.job_id,
        id=callback.job_id,
        status=code,
        message=None if error is None else error.message,
        created=callback.job_created_at,
        finished=callback.happened_at if callback.status in FINAL_JOB_STATES else None,
        updated=callback.happened_at,
        links=links.job(
            callback.job_id,
            with_results=code is StatusCode.SUCCESSFUL,
            with_exception=code is StatusCode.FAILED,
        ),
    )
