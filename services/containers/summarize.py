"""The one task of ``summarize_container``: pages through a container and counts."""

from interfaces.blobs import BlobInfo
from interfaces.handler import TaskContext
from schema.contracts.containers import Tally
from schema.contracts.summarize_container import SUMMARIZE, ContainerSummary, SummarizeParameters
from schema.workflow import TaskInfo
from services.containers.names import extension_of
from services.containers.tallies import (
    FolderTallies,
    NameCheck,
    Tallies,
    TopFiles,
    month_of,
    size_class,
)

INFO = TaskInfo(
    SUMMARIZE, "Counts a container's files and bytes by extension, size, month and folder, page by page."
)

NO_EXTENSION = "(none)"

_EXTENSIONS = 300
_MONTHS = 1_200
_FOLDERS = 100
_TOP = 10
_EXAMPLES = 10
_CHECK_EVERY = 1_000
_HALF_WAY = 50_000


def run(parameters: SummarizeParameters, context: TaskContext) -> ContainerSummary:
    """Count the blobs below the prefix, up to ``max_files`` of them; zeros where there are none."""
    counts = _Counts(parameters.prefix)
    truncated = False
    for blob in context.blobs.list_blobs(parameters.container, parameters.prefix):
        if counts.files == parameters.max_files:
            truncated = True
            break
        counts.add(blob)
        if counts.files % _CHECK_EVERY == 0:
            context.raise_if_stopped()
            context.report_progress(_progress(counts.files, parameters.max_files))
    return counts.summary(parameters, truncated=truncated)


def _progress(files: int, max_files: int | None) -> float:
    """How many files there are is not known before the end: without a limit this only nears 1."""
    return files / max_files if max_files else files / (files + _HALF_WAY)


class _Counts:
    def __init__(self, prefix: str) -> None:
        self.files = 0
        self.bytes = 0
        self._by_extension = Tallies(_EXTENSIONS)
        self._by_size = Tallies(_EXTENSIONS)
        self._by_month = Tallies(_MONTHS)
        self._largest = TopFiles(_TOP)
        self._newest = TopFiles(_TOP)
        self._folders = FolderTallies(prefix, _FOLDERS)
        self._names = NameCheck(_EXAMPLES)

    def add(self, blob: BlobInfo) -> None:
        self.files += 1
        self.bytes += blob.size
        self._by_extension.add(extension_of(blob.name) or NO_EXTENSION, blob.size)
        self._by_size.add(size_class(blob.size), blob.size)
        self._by_month.add(month_of(blob.last_modified), blob.size)
        self._largest.add(blob.size, blob)
        self._newest.add(blob.last_modified.timestamp(), blob)
        self._folders.add(blob)
        self._names.add(blob.name)

    def summary(self, parameters: SummarizeParameters, *, truncated: bool) -> ContainerSummary:
        outside: Tally = self._folders.outside()
        return ContainerSummary(
            container=parameters.container,
            prefix=parameters.prefix,
            files=self.files,
            bytes=self.bytes,
            truncated=truncated,
            by_extension=self._by_extension.by_bytes(),
            by_size=self._by_size.by_bytes(),
            by_month=self._by_month.by_key(),
            largest=self._largest.files(),
            newest=self._newest.files(),
            folders=self._folders.folders(),
            folder_count=self._folders.count,
            outside_folders=outside,
            unreadable_names=self._names.result(),
            processed_items=self.files,
        )
