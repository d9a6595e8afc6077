"""Routes that build, upgrade and drop the database's schema."""

import logging
from typing import Any

from pydantic import Field

from schema.api import SchemaSteps
from schema.errors import ConfirmationMissingError, ResetForbiddenError
from triggers.application import Application
from triggers.http import Access, Answer, Request, Response, Route
from triggers.query import Query, Text

_log = logging.getLogger(__name__)


class ResetQuery(Query):
    confirm: Text | None = Field(None, description="`yes`, or nothing is done")


def redeploy(app: Application, request: Request[ResetQuery]) -> Response:
    """Drop and rebuild the ``app`` schema, and empty the queues, for development.

    Never touches ``geo`` or ``pgstac``. 403 unless ``ALLOW_SCHEMA_RESET`` is set.
    """
    _guard(app, request)
    steps = list(app.schema.redeploy())
    app.queue.clear()
    return _report(request, [*steps, "emptied the queues"])


def nuke(app: Application, request: Request[ResetQuery]) -> Response:
    """Drop the ``app`` schema, and empty the queues, for development.

    403 unless ``ALLOW_SCHEMA_RESET`` is set.
    """
    _guard(app, request)
    steps = list(app.schema.drop())
    app.queue.clear()
    return _report(request, [*steps, "emptied the queues"])


def migrate(app: Application, request: Request) -> Response:
    """Apply pending migrations; safe while jobs run."""
    steps = list(app.schema.migrate())
    app.queue.ensure_queues()
    return _report(request, [*steps, "checked the queues"])


def _guard(app: Application, request: Request[ResetQuery]) -> None:
    if not app.allow_schema_reset:
        raise ResetForbiddenError(
            "this deployment does not allow its schema to be reset (ALLOW_SCHEMA_RESET)"
        )
    if request.query.confirm != "yes":
        raise ConfirmationMissingError("this drops every job and task")


def _report(request: Request[Any], steps: list[str]) -> Response:
    _log.warning("schema changed", extra={"steps": steps, "correlation_id": request.correlation_id})
    return Response(200, SchemaSteps(steps=steps))


_TAG = "database"
_STEPS = {200: Answer("What was done.", SchemaSteps)}

SCHEMA_ROUTES: tuple[Route[Application, Any], ...] = (
    Route(
        "schema_redeploy",
        "POST",
        "db/schema/redeploy",
        Access.ADMIN,
        redeploy,
        _STEPS,
        _TAG,
        ResetQuery,
        problems=(403,),
    ),
    Route(
        "schema_nuke",
        "POST",
        "db/schema/nuke",
        Access.ADMIN,
        nuke,
        _STEPS,
        _TAG,
        ResetQuery,
        problems=(403,),
    ),
    Route("schema_migrate", "POST", "db/schema/migrate", Access.ADMIN, migrate, _STEPS, _TAG),
)
