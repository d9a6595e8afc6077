"""The client: a method for each route, iterators over pages, waiting and following."""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from http import HTTPStatus
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError

from geojobs_client import models
from geojobs_client.clock import Clock, Deadline, SystemClock
from geojobs_client.errors import ApiError, UnexpectedAnswerError
from geojobs_client.following import PAGE, EventFollower, events_so_far
from geojobs_client.parts import in_parts, is_too_large
from geojobs_client.problems import retry_after
from geojobs_client.sending import Call, QueryValue, Sender
from geojobs_client.server import Server, Token
from geojobs_client.waiting import OnUpdate, Seen, wait_for_end

M = TypeVar("M", bound=BaseModel)
_JSON: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)


class GeoJobs:
    """One server of the geojobs API; a context manager that closes its connections.

    ``url``, ``key`` (a function or master key) and ``token`` (of Entra; a function is asked at each request)
    come from ``GEOJOBS_URL``, ``GEOJOBS_KEY`` and ``GEOJOBS_TOKEN`` where they are not given. ``timeout`` is
    in seconds and holds for each request; ``retries`` is how often one that may be repeated is sent again.
    Every method raises ``ApiError`` by kind, ``NoAnswerError`` and ``UnexpectedAnswerError``.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        key: str | None = None,
        token: Token | None = None,
        timeout: float = 30.0,
        retries: int = 3,
        transport: httpx.BaseTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._server = Server.of(url, key, token)
        self._clock = clock or SystemClock()
        self._sender = Sender(
            self._server, self._clock, timeout=timeout, retries=retries, transport=transport
        )

    def __repr__(self) -> str:
        return f"GeoJobs({self._server.url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._sender.close()

    def submit(
        self,
        job_type: str,
        parameters: Mapping[str, object] | BaseModel | None = None,
        *,
        priority: str | None = None,
        callback_url: str | None = None,
    ) -> models.Submission:
        """Submit a job, or find the one that these parameters are; safe to repeat.

        ``priority`` is high, normal or low. ``callback_url`` is told of the job's end.
        """
        headers = {} if callback_url is None else {"X-Callback-URL": callback_url}
        return self._get(models.Submission, _submission(job_type, parameters, headers, priority=priority))

    def dry_run(
        self, job_type: str, parameters: Mapping[str, object] | BaseModel | None = None
    ) -> models.DryRun:
        """What a submission would store, without storing it."""
        return self._get(models.DryRun, _submission(job_type, parameters, {}, dry_run=True))

    def status(self, job_id: str) -> models.Job:
        return self._look(job_id, Deadline(self._clock)).job

    def wait(
        self, job_id: str, *, timeout: float | None = None, on_update: OnUpdate | None = None
    ) -> models.Job:
        """The job once it is final, whichever way it ended. Raises ``WaitTimedOutError``.

        ``timeout`` is in seconds, ``None`` waits as long as it takes. ``on_update`` gets each state seen.
        """
        return wait_for_end(
            job_id, lambda deadline: self._look(job_id, deadline), self._clock, timeout, on_update
        )

    def result(self, job_id: str) -> JsonValue:
        """The final result. Raises ``StateConflictError`` where there is none (yet)."""
        call = _reading(_job_path(job_id, "result"))
        try:
            content = self._sender.send(call).content
        except ApiError as exc:
            if not is_too_large(exc):
                raise
            content = b"".join(in_parts(self._sender, call))
        try:
            return _JSON.validate_json(content)
        except ValidationError as exc:
            raise UnexpectedAnswerError("the result is no JSON") from exc

    @contextmanager
    def result_stream(self, job_id: str) -> Generator[Iterator[bytes]]:
        """As ``result``, the bytes of its JSON in pieces, for results that are large."""
        call = _reading(_job_path(job_id, "result"))
        with ExitStack() as stack:
            try:
                pieces = stack.enter_context(self._sender.stream(call))
            except ApiError as exc:
                if not is_too_large(exc):
                    raise
                pieces = in_parts(self._sender, call)
            yield pieces

    def cancel(self, job_id: str, *, reason: str | None = None) -> models.Control:
        """Stop a job; again is no error. Raises ``StateConflictError`` where it ended otherwise."""
        query: dict[str, QueryValue] = {"reason": reason}
        return self._get(
            models.Control, Call("POST", _job_path(job_id, "cancel"), query=query, repeatable=True)
        )

    def retry(self, job_id: str) -> models.Control:
        """Resume a failed or cancelled job at its failed stage."""
        return self._get(models.Control, Call("POST", _job_path(job_id, "retry")))

    def rerun(self, job_id: str) -> models.Control:
        """Start a run of an ended job anew, from its first stage."""
        return self._get(models.Control, Call("POST", _job_path(job_id, "rerun")))

    def jobs(
        self,
        *,
        status: str | None = None,
        job_type: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        cursor: str | None = None,
    ) -> Iterator[models.JobSummary]:
        """All jobs, newest first, page by page; with ``cursor`` those behind the page that gave it."""

        def read(cursor: str | None) -> models.JobPage:
            return self.jobs_page(
                status=status, job_type=job_type, since=since, until=until, limit=PAGE, cursor=cursor
            )

        for page in _pages(read, lambda page: page.next_cursor, cursor):
            yield from page.jobs

    def jobs_page(
        self,
        *,
        status: str | None = None,
        job_type: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> models.JobPage:
        query: dict[str, QueryValue] = {
            "status": status,
            "job_type": job_type,
            "since": since,
            "until": until,
            "limit": limit,
            "cursor": cursor,
        }
        return self._get(models.JobPage, _reading("jobs", query))

    def tasks(
        self,
        job_id: str,
        *,
        status: str | None = None,
        stage: int | None = None,
        cursor: str | None = None,
    ) -> Iterator[models.Task]:
        """All tasks of a job, of all its runs, in order, page by page; with ``cursor`` as in ``jobs``."""

        def read(cursor: str | None) -> models.TaskPage:
            return self.tasks_page(job_id, status=status, stage=stage, limit=PAGE, cursor=cursor)

        for page in _pages(read, lambda page: page.next_cursor, cursor):
            yield from page.tasks

    def tasks_page(
        self,
        job_id: str,
        *,
        status: str | None = None,
        stage: int | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> models.TaskPage:
        query: dict[str, QueryValue] = {"status": status, "stage": stage, "limit": limit, "cursor": cursor}
        return self._get(models.TaskPage, _reading(f"db/tasks/{_quoted(job_id)}", query))

    def events(
        self, job_id: str, *, run: int | None = None, entity: str | None = None, follow: bool = False
    ) -> Iterator[models.Event]:
        """The job's audit trail by the events' numbers; with ``follow`` until the job has ended.

        ``run`` and ``entity`` (job, stage, task) leave out what is of others. While it is followed an event
        may come after others with greater numbers, those of a long transaction at the end, none twice.
        """

        def read(cursor: str | None) -> models.EventPage:
            return self.events_page(job_id, run=run, entity=entity, limit=PAGE, cursor=cursor)

        return iter(EventFollower(read, self._clock)) if follow else events_so_far(read)

    def events_page(
        self,
        job_id: str,
        *,
        run: int | None = None,
        entity: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> models.EventPage:
        query: dict[str, QueryValue] = {"run": run, "entity": entity, "limit": limit, "cursor": cursor}
        return self._get(models.EventPage, _reading(_job_path(job_id, "events"), query))

    def job_types(self) -> tuple[models.JobType, ...]:
        """What can be submitted."""
        return self._get(models.JobTypes, _reading("job-types")).job_types

    def describe(self, job_type: str) -> models.JobType:
        return self._get(models.JobType, _reading(f"job-types/{_quoted(job_type)}"))

    def health(self) -> models.Health:
        """How the app is, even where that is unhealthy."""
        unhealthy = frozenset({HTTPStatus.SERVICE_UNAVAILABLE.value})
        return self._get(models.Health, Call("GET", "health", repeatable=True, accepts=unhealthy))

    def poison(self, *, cursor: str | None = None) -> Iterator[models.DeadLetter]:
        """The messages nobody could use, newest first, page by page; with ``cursor`` as in ``jobs``."""

        def read(cursor: str | None) -> models.PoisonPage:
            return self.poison_page(limit=PAGE, cursor=cursor)

        for page in _pages(read, lambda page: page.next_cursor, cursor):
            yield from page.dead_letters

    def poison_page(self, *, limit: int | None = None, cursor: str | None = None) -> models.PoisonPage:
        return self._get(models.PoisonPage, _reading("monitor/poison", {"limit": limit, "cursor": cursor}))

    def process_poison(self) -> models.PoisonProcessed:
        """Judge what is in the poison queues now."""
        return self._get(models.PoisonProcessed, Call("POST", "monitor/poison"))

    def replay_poison(self, dead_letter_id: int) -> models.PoisonReplayed:
        """Send the message that the work it names waits for."""
        return self._get(models.PoisonReplayed, Call("POST", f"monitor/poison/{dead_letter_id}/replay"))

    def dispose_poison(self, dead_letter_id: int) -> models.PoisonDisposed:
        """Note that nothing is to be done."""
        path = f"monitor/poison/{dead_letter_id}"
        return self._get(models.PoisonDisposed, Call("DELETE", path, repeatable=True))

    def _look(self, job_id: str, deadline: Deadline) -> Seen:
        response = self._sender.send(_reading(f"jobs/status/{_quoted(job_id)}"), deadline)
        return Seen(_parsed(models.Job, response), retry_after(response.headers))

    def _get(self, model: type[M], call: Call) -> M:
        return _parsed(model, self._sender.send(call))


def _parsed(model: type[M], response: httpx.Response) -> M:
    try:
        return model.model_validate_json(response.content)
    except ValidationError as exc:
        fields = ", ".join(".".join(map(str, error["loc"])) or "the whole" for error in exc.errors())
        raise UnexpectedAnswerError(
            f"the answer to {response.request.url.path} is no {model.__name__}: {fields[:500]}"
        ) from exc


def _submission(
    job_type: str,
    parameters: Mapping[str, object] | BaseModel | None,
    headers: Mapping[str, str],
    **query: QueryValue,
) -> Call:
    body: Mapping[str, object] | BaseModel = {} if parameters is None else parameters
    path = f"jobs/submit/{_quoted(job_type)}"
    return Call("POST", path, query=query, body=body, headers=headers, repeatable=True)


def _reading(path: str, query: Mapping[str, QueryValue] | None = None) -> Call:
    return Call("GET", path, query=query or {}, repeatable=True)


def _job_path(job_id: str, action: str) -> str:
    return f"jobs/{_quoted(job_id)}/{action}"


def _quoted(name: str) -> str:
    return quote(name, safe="")


def _pages(
    read: Callable[[str | None], M], next_of: Callable[[M], str | None], first: str | None
) -> Iterator[M]:
    page = read(first)
    yield page
    while cursor := next_of(page):
        page = read(cursor)
        yield page
