"""Fault points: named moments of a running app at which it can be made to die, to stop, or to lose something.

The app of the trials reaches them through proxies around its repositories; the deployed app has no such
proxies. A fault is armed from outside, by a file in the folder that the host runs in.
"""

import json
import os
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from repositories.postgres import Database


class ArmedError(RuntimeError):
    """What nobody foresaw."""


class Action(StrEnum):
    """At an armed point the process dies or is suspended, an error is raised, or a call is left out."""

    KILL = "kill"
    STOP = "stop"
    RAISE = "raise"
    DROP = "drop"


@dataclass(frozen=True)
class Fault:
    """Strikes ``times`` times at a point, after ``skip`` visits; only those that name ``match`` count."""

    point: str
    match: str = ""
    skip: int = 0
    times: int = 1
    action: Action = Action.KILL


def arm(folder: Path, fault: Fault) -> None:
    """Have the fault strike in the host that runs, or is going to run, in this folder."""
    place = _place(folder, fault.point)
    scratch = place.with_suffix(".new")
    scratch.write_text(json.dumps(asdict(fault)))
    scratch.replace(place)


def disarm(folder: Path) -> None:
    for place in folder.glob("fault *.json"):
        place.unlink(missing_ok=True)


def is_armed(folder: Path, point: str) -> bool:
    """Whether a fault is armed there that has not struck often enough yet."""
    return _place(folder, point).exists()


def _place(folder: Path, point: str) -> Path:
    return folder / f"fault {point}.json"


class Faults:
    """The points of one process. Reaching one costs a look at a file that is mostly not there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._calls = threading.local()

    def reach(self, point: str, *facts: object) -> bool:
        """Whether the caller is to leave out what it is about to do; the other actions are done here."""
        if not is_armed(self._folder, point):
            return False
        with self._lock:
            fault = self._due(point, facts)
            if fault is None:
                return False
            if fault.action is Action.KILL:
                os.kill(os.getpid(), signal.SIGKILL)
        if fault.action is Action.STOP:
            os.kill(os.getpid(), signal.SIGSTOP)
        if fault.action is Action.RAISE:
            raise ArmedError
        return fault.action is Action.DROP

    @contextmanager
    def within(self, point: str, facts: object) -> Generator[None]:
        """The call whose transactions are about to be seen in this thread."""
        before = getattr(self._calls, "call", None)
        self._calls.call = (point, facts)
        try:
            yield
        finally:
            self._calls.call = before

    def reach_commit(self) -> None:
        """The statements of the call under way are done, but not committed."""
        call = getattr(self._calls, "call", None)
        if call is not None:
            self.reach(f"{call[0]}:commit", call[1])

    def wants_commits(self) -> bool:
        call = getattr(self._calls, "call", None)
        return call is not None and is_armed(self._folder, f"{call[0]}:commit")

    def _due(self, point: str, facts: object) -> Fault | None:
        try:
            fault = Fault(**json.loads(_place(self._folder, point).read_bytes()))
        except FileNotFoundError:
            return None
        if fault.match not in repr(facts):
            return None
        if fault.skip:
            arm(self._folder, Fault(**{**asdict(fault), "skip": fault.skip - 1}))
            return None
        if fault.times > 1:
            arm(self._folder, Fault(**{**asdict(fault), "times": fault.times - 1}))
        else:
            _place(self._folder, point).unlink(missing_ok=True)
        return Fault(**{**asdict(fault), "action": Action(fault.action)})


class Watched:
    """Calls through to its target, with the points ``NAME.METHOD:begin``, ``:broken`` and ``:committed``."""

    def __init__(self, target: Any, name: str, faults: Faults) -> None:
        self._target = target
        self._name = name
        self._faults = faults

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(self._target, attribute)
        return watched(found, f"{self._name}.{attribute}", self._faults) if callable(found) else found


def watched(function: Callable[..., Any], point: str, faults: Faults) -> Callable[..., Any]:
    """The function with a point before it, one where it raised, and one after it."""

    def call(*arguments: Any, **options: Any) -> Any:
        facts = (arguments, options)
        if faults.reach(f"{point}:begin", facts):
            return None
        with faults.within(point, facts):
            try:
                result = function(*arguments, **options)
            except Exception:
                faults.reach(f"{point}:broken", facts)
                raise
        faults.reach(f"{point}:committed", facts, result)
        return result

    return call


class WatchedDatabase:
    """A database whose transactions have a point just before their commit: ``NAME.METHOD:commit``."""

    def __init__(self, database: Database, faults: Faults) -> None:
        self._database = database
        self._faults = faults

    def fetch_one(self, statement: Any, parameters: Any = None) -> Any:
        if not self._faults.wants_commits() or statement.lstrip().startswith("call "):
            return self._database.fetch_one(statement, parameters)
        with self.transaction() as connection:
            return connection.execute(statement, parameters).fetchone()

    @contextmanager
    def transaction(self) -> Generator[Any]:
        with self._database.transaction() as connection:
            yield connection
            self._faults.reach_commit()

    def __getattr__(self, attribute: str) -> Any:
        return getattr(self._database, attribute)
