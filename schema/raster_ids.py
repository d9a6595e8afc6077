"""The ids of items and collections of rasters: as STAC advises them, and fit to be part of a blob's name."""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

LONGEST_ID = 128
_DIGEST = 8
_LONGEST_STEM = LONGEST_ID - _DIGEST - 1

StacId = Annotated[
    str,
    Field(min_length=1, max_length=LONGEST_ID, pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9_-])?$"),
]
"""Letters, digits, dots, underscores and hyphens; the first is a letter or digit, the last no dot."""

_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")


def item_id_of(blob: str) -> str:
    """An item's id from a blob's name: its last part without the extension, in the letters ids may have.

    Of a blob in a folder digits of its whole name's SHA-256 follow, as other folders may have one of the same
    name: the id depends on nothing else. Where nothing of the name is left, the digits stand for it.
    """
    stem = _stem_of(blob)
    if not stem:
        return f"raster-{_digest(blob)}"
    return f"{stem}-{_digest(blob)}" if "/" in blob else stem


def _stem_of(blob: str) -> str:
    name = blob.rpartition("/")[2]
    stem = name.rpartition(".")[0] or name
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()
    return _UNFIT.sub("-", plain)[:_LONGEST_STEM].lstrip("._-").rstrip(".-")


def item_ids_of(blobs: Sequence[str]) -> dict[str, str]:
    """Each blob's item id; where several would have the same (``a.tif`` and ``a.jp2``), digits of their whole
    names' SHA-256 follow it.

    Ids that differ in upper and lower case only count as the same: not every store tells them apart.
    """
    ids = {blob: item_id_of(blob) for blob in blobs}
    taken = Counter(item_id.casefold() for item_id in ids.values())
    return {
        blob: item_id if taken[item_id.casefold()] == 1 else f"{item_id[:_LONGEST_STEM]}-{_digest(blob)}"
        for blob, item_id in ids.items()
    }


def _digest(blob: str) -> str:
    return hashlib.sha256(blob.encode()).hexdigest()[:_DIGEST]
