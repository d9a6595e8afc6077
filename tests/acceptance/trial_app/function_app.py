"""The function app with the trials' job types instead of the real ones, for the local host to load.

Two routes of its own: one sweeps at once instead of within a minute, one shows how many threads there are.
"""

import threading
from dataclasses import replace

import azure.functions as func

from bootstrap import bootstrap
from config import load_settings
from orchestration.bounded_calls import BoundedCalls
from parts import Parts
from repositories.guarded_blobs import GuardedBlobRepository, new_breaker
from schema.callback_urls import AllowedHosts
from tests.acceptance.trial_callbacks import trial_sender
from tests.acceptance.trial_jobs import trial_blobs, trial_catalogs
from triggers.blueprints import blueprints

app = func.FunctionApp()


def _impatient(parts: Parts) -> Parts:
    """A second of grace after a deadline; blobs that may be out of order, tried again after a second;
    callbacks to where the trial's receiver is."""
    guarded = GuardedBlobRepository(trial_blobs(), new_breaker("blob storage", open_seconds=1.0))
    sender = trial_sender(parts.sender, AllowedHosts(_settings.callback_allowed_hosts))
    return replace(parts, calls=BoundedCalls(grace_seconds=1.0), guarded_blobs=guarded, sender=sender)


_settings = load_settings()
_application = bootstrap(_settings, catalogs=trial_catalogs(), adapt=_impatient)

for blueprint in blueprints(_application):
    app.register_functions(blueprint)


@app.function_name("sweep_now")
@app.route("trial/sweep", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
def sweep_now(req: func.HttpRequest) -> func.HttpResponse:
    report = _application.sweeper()
    return func.HttpResponse(str(report.repairs))


@app.function_name("count_threads")
@app.route("trial/threads", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def count_threads(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(str(sum(thread.name == "task" for thread in threading.enumerate())))
