"""The STAC item of a validated COG, as a JSON document.

Version 1.1 of STAC with its extensions projection 2.0, raster 2.0, file 2.1 and processing 1.2.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from schema.contracts.process_raster import BandStatistics, Place, ValidatedCog
from schema.contracts.rasters import BlobVersion, OutputProfile, RasterPlan
from schema.json_types import JSONObject, JSONValue, canonical_json
from schema.results import FileReference
from schema.version import VERSION
from services.stac.validation import FILE, PROCESSING, PROJECTION, RASTER

COG_TYPE = "image/tiff; application=geotiff; profile=cloud-optimized"
ITEM_TYPE = "application/geo+json"

_SHA256_OF_32_BYTES = "1220"
"""How a multihash begins: the code of SHA2-256, and its length."""

_SOURCE_TYPES = {"GTiff": "image/tiff; application=geotiff", "JP2OpenJPEG": "image/jp2"}
_STATISTICS = ("minimum", "maximum", "mean", "stddev")

AddressOf = Callable[[str, str], str]
"""The address of a blob, without a signature, from its container and name."""


@dataclass(frozen=True)
class Origin:
    """Which job and run of it made the COG, and when the COG was written."""

    job_id: str
    run: int
    created: datetime


def item_name(plan: RasterPlan) -> str:
    return f"{plan.folder}/item.json"


def item_of(validated: ValidatedCog, origin: Origin, address_of: AddressOf) -> JSONObject:
    """The item. The same arguments make the same item."""
    plan, place = validated.plan, validated.place
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [PROJECTION, RASTER, FILE, PROCESSING],
        "id": plan.item_id,
        "collection": plan.collection_id,
        "geometry": place.footprint,
        "bbox": list(place.bbox),
        "properties": {
            "datetime": _moment(plan.acquired),
            "created": _moment(origin.created),
            **_processing(validated, origin),
            **_projection(plan, place),
        },
        "links": _links(validated, address_of),
        "assets": _assets(validated, address_of),
    }


def _moment(moment: datetime) -> str:
    """In RFC 3339, in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _projection(plan: RasterPlan, place: Place) -> JSONObject:
    found: JSONObject = {"proj:shape": [plan.grid.height, plan.grid.width]}
    if place.grid_bbox is None:
        return found
    found |= {
        "proj:code": place.code,
        "proj:transform": list(plan.grid.transform),
        "proj:bbox": list(place.grid_bbox),
    }
    return found if place.code else found | {"proj:wkt2": place.wkt2}


def _processing(validated: ValidatedCog, origin: Origin) -> JSONObject:
    plan = validated.plan
    source = plan.source
    options = plan.options.model_dump(mode="json", exclude_none=True)
    made: JSONObject = {
        "job_id": origin.job_id,
        "run": origin.run,
        "options": options,
        "warped": plan.warped,
        "resampling": plan.resampling.value if plan.warped else None,
        "chunks": plan.chunking.count if plan.chunking else 0,
        "checks": list(validated.checks),
    }
    if validated.comparison is not None:
        made["comparison"] = validated.comparison.model_dump(mode="json")
    return {
        "processing:software": {"geojobs": VERSION, **validated.software},
        "processing:lineage": (
            f"Made by job {origin.job_id}, run {origin.run}, from {source.container}/{source.blob}"
            f" (ETag {source.etag}) with the options {canonical_json(options)}"
        ),
        "processing:expression": {"format": "geojobs:process_raster", "expression": made},
    }


def _links(validated: ValidatedCog, address_of: AddressOf) -> list[JSONValue]:
    plan = validated.plan
    source = plan.source
    collection: JSONObject = {
        "rel": "collection",
        # Where a collection.json lies or would lie; a catalogue puts its own address here.
        "href": address_of(plan.container, f"{plan.collection_id}/collection.json"),
        "type": "application/json",
    }
    itself: JSONObject = {
        "rel": "self",
        "href": address_of(plan.container, item_name(plan)),
        "type": ITEM_TYPE,
    }
    derived: JSONObject = {
        "rel": "derived_from",
        "href": address_of(source.container, source.blob),
        "title": source.blob,
        "geojobs:etag": source.etag,
        **_file(source, validated.source_sha256),
    }
    if media_type := _SOURCE_TYPES.get(plan.description.driver):
        derived["type"] = media_type
    return [itself, collection, derived]


def _assets(validated: ValidatedCog, address_of: AddressOf) -> JSONObject:
    plan = validated.plan
    is_picture = plan.encoding.compression == "JPEG" or plan.options.profile is not OutputProfile.LOSSLESS
    data: JSONObject = {
        "href": address_of(validated.cog.container, validated.cog.blob),
        "type": COG_TYPE,
        "title": "Cloud Optimized GeoTIFF",
        "roles": ["data", "visual"] if is_picture else ["data"],
        "raster:sampling": plan.description.area_or_point.lower(),
        **_file(validated.cog, validated.sha256),
        "bands": _bands(validated),
    }
    return {
        "data": data,
        "overview": _picture(validated.overview, "Overview", "overview", address_of),
        "thumbnail": _picture(validated.thumbnail, "Thumbnail", "thumbnail", address_of),
    }


def _picture(file: FileReference, title: str, role: str, address_of: AddressOf) -> JSONObject:
    return {
        "href": address_of(file.container, file.blob),
        "type": file.media_type,
        "title": title,
        "roles": [role],
    }


def _file(version: BlobVersion, sha256: str) -> JSONObject:
    return {"file:size": version.size, "file:checksum": f"{_SHA256_OF_32_BYTES}{sha256}"}


def _bands(validated: ValidatedCog) -> list[JSONValue]:
    bands: list[JSONValue] = []
    for band, (name, found) in enumerate(zip(_names(validated.plan), validated.bands, strict=True)):
        bands.append({**_band(validated.plan, band, name), "statistics": _statistics(found)})
    return bands


def _band(plan: RasterPlan, band: int, name: str) -> JSONObject:
    """``band`` counts from 0."""
    described, encoding = plan.description, plan.encoding
    found: JSONObject = {"name": name, "data_type": encoding.dtype}
    if encoding.nodata is not None:
        found["nodata"] = encoding.nodata
    if described.bits is not None:
        found["raster:bits_per_sample"] = described.bits
    if band >= described.count:
        return found
    if description := described.names[band]:
        found["description"] = description
    if unit := described.units[band]:
        found["unit"] = unit
    if (described.scales[band], described.offsets[band]) != (1.0, 0.0):
        found |= {"raster:scale": described.scales[band], "raster:offset": described.offsets[band]}
    return found


def _names(plan: RasterPlan) -> list[str]:
    """What the bands are called: by their own descriptions where each has one of its own, else by colour or
    number."""
    count = plan.encoding.count
    own = [name for name in plan.description.names[:count] if name]
    if len(set(own)) == count:
        return own
    colors = list(plan.description.color_interpretation[:count])
    if count > 1 and len(set(colors)) == count and "undefined" not in colors:
        return colors
    return [f"b{band}" for band in range(1, count + 1)]


def _statistics(found: BandStatistics) -> JSONObject:
    values = found.model_dump(mode="json")
    known: JSONObject = {name: values[name] for name in _STATISTICS if values[name] is not None}
    return known | {"valid_percent": found.valid_percent}
