"""Counts blobs in bounded memory, however many there are."""

import heapq
from collections import Counter
from datetime import datetime

from interfaces.blobs import BlobInfo
from schema.contracts.containers import Tally
from schema.contracts.summarize_container import (
    FileSummary,
    FolderTally,
    UnreadableName,
    UnreadableNames,
)
from services.containers.names import folder_of, reasons_unreadable, shown

OTHER = "(other)"

_SIZE_CLASSES = (
    (0, "empty"),
    (1024**2, "up_to_1_mib"),
    (10 * 1024**2, "up_to_10_mib"),
    (100 * 1024**2, "up_to_100_mib"),
    (1024**3, "up_to_1_gib"),
    (10 * 1024**3, "up_to_10_gib"),
)
_LARGEST_CLASS = "over_10_gib"


def size_class(size: int) -> str:
    return next((name for limit, name in _SIZE_CLASSES if size <= limit), _LARGEST_CLASS)


class Tallies:
    """Files and bytes by key. Once there are ``limit`` keys, new ones are counted as ``(other)``."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._counts: dict[str, list[int]] = {}

    def add(self, key: str, size: int) -> None:
        count = self._counts.get(key)
        if count is None:
            chosen = key if len(self._counts) < self._limit else OTHER
            count = self._counts.setdefault(chosen, [0, 0])
        count[0] += 1
        count[1] += size

    def by_bytes(self) -> dict[str, Tally]:
        """The most bytes first."""
        ordered = sorted(self._counts.items(), key=lambda item: (-item[1][1], item[0]))
        return {key: Tally(files=files, bytes=size) for key, (files, size) in ordered}

    def by_key(self) -> dict[str, Tally]:
        return dict(sorted(self.by_bytes().items()))


class TopFiles:
    """The ``limit`` files with the highest rank; of equals, those whose names come first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._heap: list[tuple[float, int, BlobInfo]] = []
        self._seen = 0

    def add(self, rank: float, blob: BlobInfo) -> None:
        self._seen += 1
        entry = (rank, -self._seen, blob)
        if len(self._heap) < self._limit:
            heapq.heappush(self._heap, entry)
        elif entry[:2] > self._heap[0][:2]:
            heapq.heapreplace(self._heap, entry)

    def files(self) -> tuple[FileSummary, ...]:
        """The highest rank first."""
        return tuple(
            FileSummary(name=shown(blob.name), bytes=blob.size, last_modified=blob.last_modified)
            for _, _, blob in sorted(self._heap, key=lambda entry: entry[:2], reverse=True)
        )


class FolderTallies:
    """The ``limit`` folders with the most bytes, exactly: names come in order, so a folder's are together."""

    def __init__(self, prefix: str, limit: int) -> None:
        self._prefix = prefix
        self._limit = limit
        self._outside = [0, 0]
        self._folder: str | None = None
        self._current = [0, 0]
        self._heap: list[tuple[int, int, str, int]] = []
        self.count = 0

    def add(self, blob: BlobInfo) -> None:
        folder = folder_of(blob.name, self._prefix)
        if folder is not None and folder != self._folder:
            self._close_folder()
            self._folder, self._current = folder, [0, 0]
            self.count += 1
        counts = self._outside if folder is None else self._current
        counts[0] += 1
        counts[1] += blob.size

    def outside(self) -> Tally:
        return Tally(files=self._outside[0], bytes=self._outside[1])

    def folders(self) -> tuple[FolderTally, ...]:
        """The most bytes first. To be asked once, at the end."""
        self._close_folder()
        self._folder = None
        return tuple(
            FolderTally(folder=shown(folder), files=files, bytes=size)
            for size, _, folder, files in sorted(self._heap, reverse=True)
        )

    def _close_folder(self) -> None:
        if self._folder is None:
            return
        files, size = self._current
        entry = (size, -self.count, self._folder, files)
        if len(self._heap) < self._limit:
            heapq.heappush(self._heap, entry)
        else:
            heapq.heappushpop(self._heap, entry)


class NameCheck:
    """How many names make trouble, why, and the first few."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._count = 0
        self._reasons: Counter[str] = Counter()
        self._examples: list[UnreadableName] = []

    def add(self, name: str) -> None:
        reasons = reasons_unreadable(name)
        if not reasons:
            return
        self._count += 1
        self._reasons.update(reasons)
        if len(self._examples) < self._limit:
            self._examples.append(UnreadableName(name=shown(name), reasons=reasons))

    def result(self) -> UnreadableNames:
        return UnreadableNames(
            count=self._count, by_reason=dict(self._reasons), examples=tuple(self._examples)
        )


def month_of(time: datetime) -> str:
    return time.strftime("%Y-%m")
