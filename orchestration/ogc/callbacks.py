"""The bodies that subscribers of an execution get: the results of a good end, else the job's status."""

from interfaces.repositories import JobRepository
from orchestration.ogc.jobs import STATUS_CODES
from orchestration.ogc.links import Links
from orchestration.ogc.results import JobResults, Results
from schema.callbacks import CallbackRecord
from schema.json_types import JSONObject
from schema.ogc import StatusCode, StatusInfo
from schema.ogc_reference import JobReference
from schema.states import FINAL_JOB_STATES


class SubscriberBody:
    """Makes the body of form ``ogc``: with the id that the subscriber was given and the outputs it wants."""

    def __init__(self, jobs: JobRepository, results: Results) -> None:
        self._jobs = jobs
        self._results = results

    def __call__(self, callback: CallbackRecord) -> JSONObject:
        """As the news was made. Results that a later run has replaced are not to be had any more, and large
        ones are not sent: then it is the status that tells of the good end."""
        reference, links = JobReference.of(callback.job_id, callback.wanted), Links(callback.base_url)
        if STATUS_CODES[callback.status] is StatusCode.SUCCESSFUL and self._may_be_sent(callback):
            found = self._results.find(reference, links)
            if isinstance(found, JobResults):
                return found.document()
        return _status(callback, str(reference), links).document()

    def _may_be_sent(self, callback: CallbackRecord) -> bool:
        """What is too large for a row is for those who come for it."""
        job = self._jobs.get(callback.job_id)
        return job is not None and job.run == callback.run and job.result_ref is None


def _status(callback: CallbackRecord, reference: str, links: Links) -> StatusInfo:
    code = STATUS_CODES[callback.status]
    return StatusInfo(
        process_id=callback.job_type,
        job_id=reference,
        id=reference,
        status=code,
        message=None if callback.error is None else callback.error.message,
        created=callback.job_created_at,
        finished=callback.happened_at if callback.status in FINAL_JOB_STATES else None,
        updated=callback.happened_at,
        links=links.job(
            reference,
            with_results=code is StatusCode.SUCCESSFUL,
            with_exception=code is StatusCode.FAILED,
        ),
    )
