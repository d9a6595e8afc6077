"""The host put together: functions, worker, listeners and HTTP server, from start to stop."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from devhost.environment import worker_threads
from devhost.functions import AppFunctions, HttpFunction
from devhost.http import HttpTriggers, needs_keys
from devhost.http_server import HttpServer
from devhost.invocations import Invocations
from devhost.keys import Keys, load_keys
from devhost.queue_client import Storage
from devhost.queues import QueueListener, concurrent_messages
from devhost.schedule import TimerRecords
from devhost.settings import HostSettings
from devhost.timers import TimerListener

_log = logging.getLogger(__name__)

_RENEWALS = 1
_POLLS = 1


@dataclass(frozen=True)
class HostOptions:
    """Where to serve, where to keep keys and timers, how long a stop may take."""

    host: str = "127.0.0.1"
    port: int = 7071
    state: Path = Path(".local")
    grace_seconds: int = 30


class Host:
    """Serves the functions of one app.

    Args:
        on_timeout: called with a function's name when it ran longer than ``functionTimeout``.
    """

    def __init__(
        self,
        functions: AppFunctions,
        settings: HostSettings,
        environment: Mapping[str, str],
        options: HostOptions,
        on_timeout: Callable[[str], None],
    ) -> None:
        timeout = settings.function_timeout
        self._functions = functions
        self._settings = settings
        self._options = options
        self._invocations = Invocations(
            worker_threads(environment), timeout.total_seconds() if timeout else None, on_timeout
        )
        self._storage = Storage(environment)
        self._queues = self._queue_listeners()
        records = TimerRecords(options.state / "devhost-timers.json")
        self._timers = [TimerListener(timer, self._invocations, records) for timer in functions.timers]
        keys = Keys("", "")
        if needs_keys(functions.http):
            keys = load_keys(environment, options.state / "devhost-keys.json")
        self._prefix = settings.extensions.http.route_prefix.strip("/")
        triggers = HttpTriggers(functions.http, self._prefix, keys, self._invocations)
        self._http = HttpServer(triggers, options.host, options.port, options.grace_seconds)

    @property
    def url(self) -> str:
        return f"{self._http.url}/{self._prefix}".rstrip("/")

    def start(self) -> None:
        """Returns once HTTP is accepted and every listener runs. That it has started is told before the first
        message is taken, which may be one that ends the process."""
        self._invocations.start()
        self._http.start()
        _log.info("host started", extra={"url": self.url, "functions": self._described()})
        for listener in (*self._queues, *self._timers):
            listener.start()

    def stop(self) -> bool:
        """Take nothing new, let what is under way end; whether all of it did within the grace."""
        deadline = monotonic() + self._options.grace_seconds
        _log.info("host stopping", extra={"grace_seconds": self._options.grace_seconds})
        self._http.stop()
        for listener in (*self._queues, *self._timers):
            listener.stop()
        ended = [listener.join(deadline) for listener in (*self._queues, *self._timers)]
        ended.append(self._http.join(max(0.1, deadline - monotonic())))
        self._invocations.close()
        self._storage.close()
        _log.info("host stopped", extra={"all_ended": all(ended)})
        return all(ended)

    def _queue_listeners(self) -> list[QueueListener]:
        settings = self._settings.extensions.queues
        connections = concurrent_messages(settings) + _POLLS + _RENEWALS
        return [
            QueueListener(
                function,
                self._storage.open(function.connection, function.queue, connections),
                settings,
                self._invocations,
                on_poison=self._notify,
            )
            for function in self._functions.queues
        ]

    def _notify(self, queue: str) -> None:
        """A queue got a message from this very process: its listener need not wait for its next poll."""
        for listener in self._queues:
            if listener.queue_name == queue:
                listener.notify()

    def _described(self) -> list[str]:
        return [
            *(f"{function.code.name}: {_route(function, self.url)}" for function in self._functions.http),
            *(f"{function.code.name}: queue {function.queue}" for function in self._functions.queues),
            *(f"{function.code.name}: timer {function.schedule}" for function in self._functions.timers),
        ]


def _route(function: HttpFunction, url: str) -> str:
    methods = ",".join(sorted(function.methods)) or "any method"
    return f"{methods} {url}/{function.route} ({function.level})"
