"""Every blueprint there is."""

from collections.abc import Iterator

import azure.functions as func

from triggers.application import Application
from triggers.health import HEALTH_ROUTES
from triggers.http import blueprint_of
from triggers.inspection import INSPECTION_ROUTES
from triggers.jobs import JOB_ROUTES
from triggers.queues import queue_blueprint
from triggers.schema_admin import SCHEMA_ROUTES
from triggers.timers import timer_blueprint


def blueprints(application: Application) -> Iterator[func.Blueprint]:
    """HTTP routes, queue triggers and timers, bound to the application."""
    for routes in (JOB_ROUTES, INSPECTION_ROUTES, SCHEMA_ROUTES, HEALTH_ROUTES):
        yield blueprint_of(
            routes,
            application,
            check_keys=application.check_keys,
            max_body_bytes=application.max_body_bytes,
        )
    yield queue_blueprint(application)
    yield timer_blueprint(application)
