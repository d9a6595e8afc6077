"""The contract of ``summarize_container``: what a container holds, in figures of bounded size."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from schema.contracts.containers import ContainerName, Prefix, Tally
from schema.results import Contract
from schema.workflow import TaskContract


class SummarizeParameters(Contract):
    """Without ``max_files`` every blob is counted."""

    container: ContainerName
    prefix: Prefix = ""
    max_files: Annotated[int, Field(ge=1)] | None = None


class FileSummary(Contract):
    """One file; ``name`` with escapes in place of what cannot be shown."""

    name: str
    bytes: int
    last_modified: datetime


class FolderTally(Contract):
    """What lies in one folder and below it."""

    folder: str
    files: int
    bytes: int


class UnreadableName(Contract):
    """``name`` with escapes in place of what cannot be shown."""

    name: str
    reasons: tuple[str, ...]


class UnreadableNames(Contract):
    """Names that people and tools stumble over: how many, why, and the first few."""

    count: int
    by_reason: dict[str, int]
    examples: tuple[UnreadableName, ...]


class ContainerFigures(Contract):
    """``truncated`` says that there were more files than were to be counted.

    Extensions beyond the first few hundred are counted as ``(other)``. ``folders`` are those with the most
    bytes, of the ``folder_count`` right below the prefix; ``outside_folders`` counts the files in none.
    """

    container: str
    prefix: str
    files: int
    bytes: int
    truncated: bool
    by_extension: dict[str, Tally]
    by_size: dict[str, Tally]
    by_month: dict[str, Tally]
    largest: tuple[FileSummary, ...]
    newest: tuple[FileSummary, ...]
    folders: tuple[FolderTally, ...]
    folder_count: int
    outside_folders: Tally
    unreadable_names: UnreadableNames


class ContainerSummary(ContainerFigures):
    """The figures, and how many files were looked at for them."""

    processed_items: int


SUMMARIZE = TaskContract("summarize_container", SummarizeParameters, ContainerSummary)
