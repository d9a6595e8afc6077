"""What kind of file it is, by its first bytes where they tell, else by its extension."""

from dataclasses import dataclass

from schema.contracts.list_container import FileCategory

HEAD_BYTES = 4_096

RASTER, VECTOR, OTHER = FileCategory.RASTER, FileCategory.VECTOR, FileCategory.OTHER


@dataclass(frozen=True)
class FileFormat:
    """``driver`` is GDAL's, where headers are read; ``category`` is ``None`` where the bytes do not tell."""

    name: str
    category: FileCategory | None
    driver: str | None = None


_GEOTIFF = FileFormat("GeoTIFF", RASTER, "GTiff")
_BIGTIFF = FileFormat("BigTIFF", RASTER, "GTiff")
_JPEG2000 = FileFormat("JPEG 2000", RASTER, "JP2OpenJPEG")

_MAGIC: tuple[tuple[bytes, FileFormat], ...] = (
    (b"II*\0", _GEOTIFF),
    (b"MM\0*", _GEOTIFF),
    (b"II+\0", _BIGTIFF),
    (b"MM\0+", _BIGTIFF),
    (b"\0\0\0\x0cjP  \r\n\x87\n", _JPEG2000),
    (b"\xffO\xffQ", _JPEG2000),
    (b"\x89PNG\r\n\x1a\n", FileFormat("PNG", RASTER, "PNG")),
    (b"\xff\xd8\xff", FileFormat("JPEG", RASTER, "JPEG")),
    (b"\x89HDF\r\n\x1a\n", FileFormat("HDF5", RASTER)),
    (b"\x0e\x03\x13\x01", FileFormat("HDF4", RASTER)),
    (b"CDF\x01", FileFormat("NetCDF", RASTER)),
    (b"CDF\x02", FileFormat("NetCDF", RASTER)),
    (b"CDF\x05", FileFormat("NetCDF", RASTER)),
    (b"GRIB", FileFormat("GRIB", RASTER)),
    (b"SQLite format 3\0", FileFormat("SQLite", None)),
    (b"fgb\x03", FileFormat("FlatGeobuf", VECTOR)),
    (b"PAR1", FileFormat("Parquet", VECTOR)),
    (b"\0\0\x27\x0a", FileFormat("Shapefile", VECTOR)),
    (b"PK\x03\x04", FileFormat("ZIP", None)),
    (b"PK\x05\x06", FileFormat("ZIP", None)),
    (b"%PDF-", FileFormat("PDF", OTHER)),
    (b"\x1f\x8b", FileFormat("gzip", None)),
)

_XML: tuple[tuple[bytes, FileFormat], ...] = (
    (b"<vrtdataset", FileFormat("VRT", OTHER)),
    (b"<ogrvrtdatasource", FileFormat("VRT", OTHER)),
    (b"<gdal_wms", FileFormat("WMS description", OTHER)),
    (b"<html", FileFormat("HTML", OTHER)),
    (b"<!doctype html", FileFormat("HTML", OTHER)),
    (b"<kml", FileFormat("KML", VECTOR)),
    (b"<gpx", FileFormat("GPX", VECTOR)),
    (b"opengis.net/gml", FileFormat("GML", VECTOR)),
)

_GEOJSON_MARKS = (b'"featurecollection"', b'"feature"', b'"topology"', b'"coordinates"', b'"geometries"')

_EXTENSIONS: dict[FileCategory, frozenset[str]] = {
    RASTER: frozenset(
        {".tif", ".tiff", ".gtiff", ".jp2", ".j2k", ".png", ".jpg", ".jpeg", ".img", ".vrt", ".nc", ".nc4"}
        | {".h5", ".hdf", ".hdf5", ".grib", ".grb", ".grib2", ".grb2", ".asc", ".dem", ".dt0", ".dt1", ".dt2"}
        | {".hgt", ".ntf", ".ecw", ".sid", ".bil", ".bsq", ".bip", ".gtx"}
    ),
    VECTOR: frozenset(
        {".shp", ".gpkg", ".geojson", ".geojsonl", ".geojsonseq", ".ndgeojson", ".fgb", ".kml", ".kmz"}
        | {".gml", ".gpx", ".geoparquet", ".parquet", ".topojson", ".gdb", ".tab", ".mif", ".dxf"}
    ),
}


def sniffed(head: bytes) -> FileFormat | None:
    """The format that the first bytes of a file show, or ``None`` where they show none that is known."""
    for magic, found in _MAGIC:
        if head.startswith(magic):
            return found
    return _sniffed_text(head.removeprefix(b"\xef\xbb\xbf").lstrip().lower())


def category_of(extension: str | None, found: FileFormat | None) -> FileCategory:
    """Raster, vector or other: what the bytes show counts more than the name."""
    if found is not None and found.category is not None:
        return found.category
    by_name = (category for category, names in _EXTENSIONS.items() if extension in names)
    return next(by_name, FileCategory.OTHER)


def is_raster_name(extension: str | None) -> bool:
    return extension in _EXTENSIONS[FileCategory.RASTER]


def _sniffed_text(text: bytes) -> FileFormat | None:
    if text.startswith(b"<"):
        return next((found for mark, found in _XML if mark in text), FileFormat("XML", None))
    if text.startswith(b"{") and any(mark in text for mark in _GEOJSON_MARKS):
        return FileFormat("GeoJSON", VECTOR)
    return None
