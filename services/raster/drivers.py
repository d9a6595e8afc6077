"""Which of GDAL's drivers may be used, and the options that every reading goes by.

GDAL takes the names to skip from the environment when it registers its drivers, at the first use: import this
before anything of rasterio is used. What is skipped can be opened neither by name nor by guessing.
"""

import logging
import os
from collections.abc import Iterable, Mapping
from typing import Any

NEEDED = frozenset({"GTiff", "COG", "JP2OpenJPEG", "PNG", "JPEG", "MEM"})
"""What reads sources, writes COGs and pictures, and holds pixels in memory."""

_FETCHING = (
    "VRT DERIVED GTI MRF WMS WCS WMTS HTTP OGCAPI DAAS EEDA EEDAI PLMOSAIC STACIT STACTA NGW Rasterlite "
    "KMLSUPEROVERLAY ECRGTOC RPFTOC TIL SAFE SENTINEL2 OGR_VRT WFS OAPIF Elasticsearch CSW AmigoCloud Carto "
    "GeoRSS PostgreSQL PGDUMP MySQL MSSQLSpatial ODBC GPSBabel"
)
_OTHERS = (
    "AAIGrid ACE2 ADRG AIG AVCBin AVCE00 AirSAR BAG BIGGIF BLX BMP BSB BT BYN CALS CEOS COASP COSAR CPG "
    "CTG CTable2 DIMAP DIPEx DOQ1 DOQ2 DTED EHdr EIR ELAS ENVI ERS ESAT ESRIC ESRIJSON FAST FIT GFF GIF "
    "GNMDatabase GNMFile GPKG GRASSASCIIGrid GRIB GS7BG GSAG GSBG GSC GTX GXF GenBin GeoJSON GeoJSONSeq "
    "HDF5 HDF5Image HF2 HFA ILWIS IRIS ISCE ISG ISIS2 ISIS3 JAXAPALSAR JDEM KRO L1B LAN LCP LOSLAS "
    "Leveller MAP MBTiles MFF MFF2 MSGN MVT Memory NDF NGSGEOID NITF NOAA_B NSIDCbin NTv2 NWT_GRC NWT_GRD "
    "OSM OZI PAux PCIDSK PCRaster PDF PDS PDS4 PNM PRF R RIK RMF ROI_PAC RRASTER RS2 RST S102 S104 S111 SAGA "
    "SAR_CEOS SDTS SGI SIGDEM SNAP_TIFF SNODAS SQLite SRP SRTMHGT TGA TSX Terragen TopoJSON USGSDEM "
    "VICAR WEBP XPM XYZ ZMap Zarr netCDF"
)

FETCHING = tuple(_FETCHING.split())
"""Drivers that fetch addresses or open other files named in what they read."""

UNNEEDED = (*FETCHING, *_OTHERS.split(), "ESRI Shapefile")
"""All that rasterio's GDAL has and rasters do not need, for a process that reads nothing but rasters."""

OPTIONS: Mapping[str, Any] = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": False,
    "GDAL_NUM_THREADS": 1,
    "GDAL_HTTP_TIMEOUT": 1,
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
}
"""No file beside the one that is opened, no network, no thread."""


def skip(names: Iterable[str]) -> None:
    """Add to what GDAL and OGR leave out; in vain once a driver was used."""
    present = [name for name in os.environ.get("GDAL_SKIP", "").split(",") if name]
    both = ",".join(dict.fromkeys([*present, *names]))
    os.environ["GDAL_SKIP"] = os.environ["OGR_SKIP"] = both


def _is_news(record: logging.LogRecord) -> bool:
    """GDAL warns of each skipped driver that its build does not have, at every registration."""
    return "GDAL_SKIP" not in record.getMessage()


skip(FETCHING)
logging.getLogger("rasterio._env").addFilter(_is_news)
