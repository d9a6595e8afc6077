"""The sandbox for tests of handlers: operations run in this process, or answers are given beforehand."""

import tempfile
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from interfaces.sandbox import ByteSource, Limits, LocalFile, Watch, Workspace
from schema.sandbox_messages import SourceFacts
from services.raster.child import OPERATIONS, perform

R = TypeVar("R", bound=BaseModel)

Answer = BaseModel | Exception | Callable[[BaseModel, Path], BaseModel]


@dataclass(frozen=True)
class SandboxCall:
    """One operation as it was asked for."""

    operation: str
    request: BaseModel
    sources: Mapping[str, ByteSource]
    limits: Limits | None


@dataclass
class FakeSandbox:
    """``answers`` maps an operation to what it returns or raises, or to a function of request and folder;
    those that it does not have really run. ``calls`` records all, ``open`` counts workspaces not closed."""

    answers: dict[str, Answer] = field(default_factory=dict)
    operations: Mapping[str, str] = field(default_factory=lambda: OPERATIONS)
    calls: list[SandboxCall] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    open: int = 0

    @contextmanager
    def workspace(self, watch: Watch) -> Generator[Workspace]:
        with tempfile.TemporaryDirectory() as folder:
            self.folders.append(Path(folder))
            self.open += 1
            try:
                yield FakeWorkspace(self, Path(folder), watch)
            finally:
                self.open -= 1


class FakeWorkspace:
    def __init__(self, sandbox: FakeSandbox, folder: Path, watch: Watch) -> None:
        self._sandbox = sandbox
        self._watch = watch
        self.folder = folder

    def run(
        self,
        operation: str,
        request: BaseModel,
        result: type[R],
        sources: Mapping[str, ByteSource] | None = None,
        limits: Limits | None = None,
    ) -> R:
        """As the real one: requests and results travel as JSON."""
        sources = sources or {}
        self._sandbox.calls.append(SandboxCall(operation, request, sources, limits))
        self._watch.raise_if_stopped()
        answer = self._sandbox.answers.get(operation)
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            answer = self._performed(operation, request, sources)
        elif not isinstance(answer, BaseModel):
            answer = answer(request, self.folder)
        return result.model_validate_json(answer.model_dump_json())

    def _performed(self, operation: str, request: BaseModel, sources: Mapping[str, ByteSource]) -> BaseModel:
        from services.raster.box import SourceBox  # noqa: PLC0415 -- loads GDAL

        facts = {
            name: SourceFacts(size=source.size, path=str(source.path))
            if isinstance(source, LocalFile)
            else SourceFacts(size=source.size)
            for name, source in sources.items()
        }
        box = SourceBox(
            self.folder,
            facts,
            lambda name, offset, length: sources[name].read(offset, length),
            self._watch.report_progress,
        )
        operations = self._sandbox.operations
        return perform(operations, operation, request.model_dump_json().encode(), box)
