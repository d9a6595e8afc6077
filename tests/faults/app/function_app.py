"""The function app with the trials' job types and fault points, for the local host to load."""

import json
import os
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import azure.functions as func

from bootstrap import bootstrap
from config import Settings, load_settings
from devhost.queue_client import StorageQueue
from devhost.queues import QueueListener
from orchestration.intake import MessageIntake
from orchestration.leases import LeaseKeeper
from orchestration.relay import OutboxRelay
from parts import Parts, SystemClock
from repositories.dead_letters import PostgresDeadLetterRepository
from repositories.jobs import PostgresJobRepository
from repositories.outbox import PostgresOutboxRepository
from repositories.stages import StageCompletionRepository
from repositories.sweeps import PostgresSweepRepository
from repositories.tasks import PostgresTaskRepository
from tests.faults.jobs import Work, trial_catalogs
from tests.faults.points import Faults, Watched, WatchedDatabase, watched
from tests.faults.raster_jobs import register_rasters
from tests.faults.troubled_queue import Trouble, TroubledQueue
from triggers.blueprints import blueprints

_EACH_SECOND = "* * * * * *"


class ShiftedClock(SystemClock):
    """A worker's clock that is wrong by so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._shift = timedelta(seconds=seconds)

    def now(self) -> datetime:
        return super().now() + self._shift


def adapt(parts: Parts) -> Parts:
    """The parts with fault points in front of them, and what is made of them made anew."""
    work.database = parts.database
    database: Any = WatchedDatabase(parts.database, faults)
    clock = ShiftedClock(float(os.environ.get("TRIAL_CLOCK_SHIFT", "0")))
    queue: Any = TroubledQueue(parts.queue, Trouble.told(os.environ), faults, folder)
    tasks: Any = Watched(PostgresTaskRepository(database), "tasks", faults)
    outbox: Any = Watched(PostgresOutboxRepository(database), "outbox", faults)
    sweeps: Any = Watched(PostgresSweepRepository(database, _unclaimed_after(settings)), "sweeps", faults)
    jobs: Any = Watched(PostgresJobRepository(database), "jobs", faults)
    stages: Any = Watched(StageCompletionRepository(database), "stages", faults)
    letters: Any = Watched(PostgresDeadLetterRepository(database), "letters", faults)
    blobs: Any = Watched(parts.guarded_blobs, "blobs", faults)
    return replace(
        parts,
        clock=clock,
        queue=queue,
        jobs=jobs,
        stages=stages,
        tasks=tasks,
        sweeps=sweeps,
        letters=letters,
        guarded_blobs=blobs,
        relay=OutboxRelay(outbox, queue),
        keeper=LeaseKeeper(tasks, clock, tick_seconds=0.25),
    )


def _unclaimed_after(settings: Settings) -> timedelta:
    return timedelta(seconds=settings.unclaimed_after_seconds)


def intake_of_this_host() -> MessageIntake:
    """The app reads the checkout's ``host.json``; a trial gives up a message sooner."""
    queues = json.loads((folder / "host.json").read_bytes())["extensions"]["queues"]
    return MessageIntake(application.poison_desk._letters, queues["maxDequeueCount"])


def _hide_for(seconds: int) -> None:
    """How long the host hides messages in work: fixed in Azure, shorter where a trial waits for it."""
    QueueListener.__init__.__kwdefaults__["hidden_seconds"] = seconds


folder = Path.cwd()
settings = load_settings()
faults = Faults(folder)
work = Work(faults, os.getpid())
catalogs = trial_catalogs(work)
register_rasters(*catalogs)
application = bootstrap(settings, catalogs, adapt=adapt)
driver: Any = Watched(application.driver, "driver", faults)
runner: Any = Watched(application.runner, "runner", faults)
application = replace(application, driver=driver, runner=runner, intake=intake_of_this_host())

if "TRIAL_HIDDEN_SECONDS" in os.environ:
    _hide_for(int(os.environ["TRIAL_HIDDEN_SECONDS"]))
StorageQueue.send_to_poison = watched(StorageQueue.send_to_poison, "host.poison", faults)  # type: ignore[method-assign]

app = func.FunctionApp()
for blueprint in blueprints(application):
    app.register_functions(blueprint)


@app.function_name("trial_sweep")
@app.timer_trigger(arg_name="timer", schedule=_EACH_SECOND, run_on_startup=False)
def trial_sweep(timer: func.TimerRequest) -> None:
    application.sweeper()


@app.function_name("trial_relay")
@app.timer_trigger(arg_name="timer", schedule=_EACH_SECOND, run_on_startup=False)
def trial_relay(timer: func.TimerRequest) -> None:
    application.relay.drain()


@app.function_name("trial_sweep_now")
@app.route("trial/sweep", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
def trial_sweep_now(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(str(application.sweeper().repairs))


@app.function_name("trial_relay_now")
@app.route("trial/relay", methods=["POST"], auth_level=func.AuthLevel.ANONYMOUS)
def trial_relay_now(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(str(application.relay.drain()))
