"""Which driver may open a file, by its first bytes; what is no raster is refused with its own code."""

from schema.contracts.list_container import FileCategory
from schema.errors import PermanentTaskError
from services.raster.formats import FileFormat, sniffed

PROCESSED = ("GTiff", "JP2OpenJPEG")
"""The drivers whose files are processed."""

_CODES = {
    "HTML": "RASTER_IS_HTML",
    "VRT": "RASTER_IS_VRT",
    "XML": "RASTER_IS_XML",
    "WMS description": "RASTER_IS_XML",
    "ZIP": "RASTER_IS_ARCHIVE",
    "gzip": "RASTER_IS_ARCHIVE",
}
_MEANINGS = {
    "RASTER_IS_HTML": "the content is an HTML page, as servers send in place of a file",
    "RASTER_IS_VRT": "the content is a VRT, which only names other files; it is not followed",
    "RASTER_IS_XML": "the content is XML, as storage services answer with in place of a file",
    "RASTER_IS_ARCHIVE": "the content is an archive; give the raster in it",
}
_PICTURES = {"PNG": (".png",), "JPEG": (".jpg", ".jpeg", ".jpe")}


def driver_of(head: bytes, name: str) -> str:
    """GDAL's driver for a file that starts with ``head``. Raises ``PermanentTaskError``."""
    if not head:
        raise PermanentTaskError("the file has no bytes", "RASTER_EMPTY")
    found = sniffed(head)
    if found is None:
        raise PermanentTaskError("the first bytes are those of no format known here", "RASTER_FORMAT_UNKNOWN")
    if found.driver in PROCESSED:
        return found.driver
    raise _refusal(found, name)


def _refusal(found: FileFormat, name: str) -> PermanentTaskError:
    if found.name in _PICTURES:
        return _picture_refusal(found.name, name)
    code = _CODES.get(found.name)
    if code is not None:
        return PermanentTaskError(_MEANINGS[code], code)
    if found.category is FileCategory.VECTOR:
        return PermanentTaskError(f"the content is {found.name}, which holds vectors", "RASTER_IS_VECTOR")
    return PermanentTaskError(
        f"the content is {found.name}; only GeoTIFF and JPEG 2000 are processed", "RASTER_FORMAT_UNSUPPORTED"
    )


def _picture_refusal(found: str, name: str) -> PermanentTaskError:
    if not name.lower().endswith(_PICTURES[found]):
        return PermanentTaskError(
            f"the content is {found}, the name says something else", "RASTER_FORMAT_MISMATCH"
        )
    return PermanentTaskError(
        f"a plain {found} does not say where it lies; only GeoTIFF and JPEG 2000 are processed",
        "RASTER_FORMAT_UNSUPPORTED",
    )
