"""Routes that build, upgrade and drop the database's schema."""

import logging

from schema.errors import ConfirmationMissingError, ResetForbiddenError
from triggers import query
from triggers.application import Application
from triggers.http import Access, Request, Response, Route

_log = logging.getLogger(__name__)


def redeploy(app: Application, request: Request) -> Response:
    """Drop and rebuild the ``app`` schema, empty the queues; never touches ``geo`` or ``pgstac``."""
    _guard(app, request)
    steps = list(app.schema.redeploy())
    app.queue.clear()
    return _report(request, [*steps, "emptied the queues"])


def nuke(app: Application, request: Request) -> Response:
    """Drop the ``app`` schema, empty the queues."""
    _guard(app, request)
    steps = list(app.schema.drop())
    app.queue.clear()
    return _report(request, [*steps, "emptied the queues"])


def migrate(app: Application, request: Request) -> Response:
    """Apply what is pending; safe while jobs run."""
    query.refuse_unknown(request.query)
    steps = list(app.schema.migrate())
    app.queue.ensure_queues()
    return _report(request, [*steps, "checked the queues"])


def _guard(app: Application, request: Request) -> None:
    query.refuse_unknown(request.query, "confirm")
    if not app.allow_schema_reset:
        raise ResetForbiddenError(
            "this deployment does not allow its schema to be reset (ALLOW_SCHEMA_RESET)"
        )
    if request.query.get("confirm") != "yes":
        raise ConfirmationMissingError("this drops every job and task: repeat it with ?confirm=yes")


def _report(request: Request, steps: list[str]) -> Response:
    _log.warning("schema changed", extra={"steps": steps, "correlation_id": request.correlation_id})
    return Response(200, {"steps": [*steps]})


SCHEMA_ROUTES: tuple[Route[Application], ...] = (
    Route("schema_redeploy", "POST", "db/schema/redeploy", Access.ADMIN, redeploy),
    Route("schema_nuke", "POST", "db/schema/nuke", Access.ADMIN, nuke),
    Route("schema_migrate", "POST", "db/schema/migrate", Access.ADMIN, migrate),
)
