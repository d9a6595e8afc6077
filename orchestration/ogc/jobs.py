"""Shows and ends jobs as the standard has it."""

from collections.abc import Sequence

from interfaces.job_search import JobSearch, JobSearchRepository, SearchedJob
from orchestration.controlling import JobControl
from orchestration.ogc.links import Links
from orchestration.viewing import JobViewer
from schema.api import JobView
from schema.ogc import StatusCode, StatusInfo
from schema.ogc_reference import JobReference
from schema.results import ErrorDetail
from schema.states import JobStatus

STATUS_CODES: dict[JobStatus, StatusCode] = {
    JobStatus.QUEUED: StatusCode.ACCEPTED,
    JobStatus.PROCESSING: StatusCode.RUNNING,
    JobStatus.COMPLETED: StatusCode.SUCCESSFUL,
    JobStatus.COMPLETED_WITH_ERRORS: StatusCode.SUCCESSFUL,
    JobStatus.FAILED: StatusCode.FAILED,
    JobStatus.CANCELLED: StatusCode.DISMISSED,
}

_DISMISSED_BY = "dismissed on request"
_DEGRADED = "completed with errors: some of its tasks failed"


class Jobs:
    def __init__(self, viewer: JobViewer, search: JobSearchRepository, control: JobControl) -> None:
        self._viewer = viewer
        self._search = search
        self._control = control

    def status(self, reference: JobReference, links: Links) -> StatusInfo:
        """Raises ``JobNotFoundError``."""
        view = self._viewer.view(reference.job_id)
        return _status_info(view, _message_of(view), int(view.progress), reference, links)

    def page(self, wanted: JobSearch, links: Links) -> tuple[Sequence[StatusInfo], SearchedJob | None]:
        """Jobs, newest first; and the last one, where there are more behind it."""
        found = self._search.search(wanted)
        shown = found[: wanted.limit]
        infos = [
            _status_info(
                job, _message(job.status, job.error), _progress(job), JobReference(job.job_id), links
            )
            for job in shown
        ]
        return infos, shown[-1] if len(found) > wanted.limit else None

    def dismiss(
        self, reference: JobReference, links: Links, correlation_id: str, caller: str | None
    ) -> StatusInfo:
        """Cancel the job, which stays on record. Again is no error.

        Raises ``JobNotFoundError``, and ``JobStateConflictError`` where it has ended otherwise.
        """
        self._control.cancel(reference.job_id, _DISMISSED_BY, correlation_id, caller)
        return self.status(reference, links)


def statuses_of(codes: Sequence[StatusCode]) -> tuple[JobStatus, ...]:
    """The states of jobs that the standard calls so."""
    return tuple(status for status, code in STATUS_CODES.items() if code in codes)


def _status_info(
    job: JobView | SearchedJob, message: str | None, progress: int, reference: JobReference, links: Links
) -> StatusInfo:
    code = STATUS_CODES[job.status]
    return StatusInfo(
        process_id=job.job_type,
        job_id=str(reference),
        id=str(reference),
        status=code,
        message=message,
        created=job.created_at,
        started=job.started_at,
        finished=job.finished_at,
        updated=job.updated_at,
        progress=progress,
        links=links.job(
            str(reference),
            with_results=code is StatusCode.SUCCESSFUL,
            with_exception=code is StatusCode.FAILED,
        ),
    )


def _message_of(view: JobView) -> str | None:
    open_stage = next((stage for stage in view.stages if stage.stage == view.stage), None)
    if view.status is JobStatus.PROCESSING and open_stage is not None:
        return f"stage {view.stage} of {view.total_stages}: {open_stage.name}"
    return _message(view.status, view.error)


def _message(status: JobStatus, error: ErrorDetail | None) -> str | None:
    if error is not None:
        return error.message
    return _DEGRADED if status is JobStatus.COMPLETED_WITH_ERRORS else None


def _progress(job: SearchedJob) -> int:
    """From the stages alone: a list does not count tasks."""
    if STATUS_CODES[job.status] is StatusCode.SUCCESSFUL:
        return 100
    return 100 * (job.stage - 1) // job.total_stages
