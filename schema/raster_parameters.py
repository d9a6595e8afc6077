"""The parameters that ``process_raster`` and ``process_raster_collection`` share."""

import re
from contextlib import suppress
from datetime import UTC
from datetime import datetime as DateTime  # noqa: N812 -- fields are called datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from schema.contracts.rasters import OutputProfile, RasterOptions, ResamplingMethod
from schema.raster_ids import StacId
from schema.workflow import JobParameters

WEB_MERCATOR = "EPSG:3857"

_LONGEST_CRS = 8_000
_CRS = re.compile(
    r"^([A-Za-z][A-Za-z0-9_]{1,15}:[A-Za-z0-9_.-]{1,32}|[A-Z][A-Z0-9_]{4,19}\[[^\x00-\x08\x0b-\x1f\x7f]*\])$"
)
_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def _crs(text: str) -> str:
    """``epsg:4326`` and ``EPSG:4326`` are one CRS, hence one job."""
    if not _CRS.fullmatch(text):
        raise ValueError("neither an authority's code such as EPSG:32633 nor WKT such as PROJCRS[...]")
    authority, colon, code = text.partition(":")
    return text if "[" in authority else f"{authority.upper()}{colon}{code}"


def _is_rfc3339(given: object) -> object:
    if isinstance(given, DateTime) or (isinstance(given, str) and _RFC3339.fullmatch(given)):
        return given
    raise ValueError("not a time with its offset as RFC 3339 has it, such as 2024-05-01T10:30:00Z")


def _in_utc(moment: DateTime) -> DateTime:
    """The same moment is the same job, wherever its clock stands."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("beyond the years 1 to 9999 in UTC") from None


def _number(given: object) -> object:
    """0 and -0 are one value of pixels, hence one job."""
    if given == "nan":
        return given
    if isinstance(given, float | int) and not isinstance(given, bool):
        with suppress(OverflowError):
            return float(given) + 0.0
    raise ValueError('neither "nan" nor a number that a double can hold')


Crs = Annotated[
    str,
    Field(min_length=1, max_length=_LONGEST_CRS, json_schema_extra={"pattern": _CRS.pattern}),
    AfterValidator(_crs),
]
Moment = Annotated[DateTime, BeforeValidator(_is_rfc3339), AfterValidator(_in_utc)]
Nodata = Annotated[float | Literal["nan"], BeforeValidator(_number)]
BlobName = Annotated[str, Field(min_length=1, max_length=1_024, pattern=r"^[^\x00-\x1f\x7f]*$")]


class RasterJobParameters(JobParameters):
    """What is to be made of one raster or of many."""

    model_config = ConfigDict(serialize_by_alias=True)

    collection_id: Annotated[StacId, Field(description="the STAC collection that the items belong to")]
    datetime: Annotated[
        Moment | None,
        Field(
            description="when the raster was acquired, as RFC 3339 with an offset; none: as its tags or its "
            "name say"
        ),
    ] = None
    profile: Annotated[
        OutputProfile,
        Field(description="lossless; visual: JPEG for pictures; web: and in Web Mercator on a zoom level"),
    ] = OutputProfile.LOSSLESS
    target_crs: Annotated[
        Crs | None,
        Field(description="the CRS of the output, such as EPSG:32633, or WKT; none: that of the source"),
    ] = None
    resolution: Annotated[
        float | None,
        Field(gt=0, le=1e9, strict=True, description="size of a pixel in units of the CRS of the output"),
    ] = None
    resampling: Annotated[
        ResamplingMethod,
        Field(description="auto: by the kind of data (nearest for categories, cubic for pictures, bilinear)"),
    ] = ResamplingMethod.AUTO
    nodata: Annotated[
        Nodata | None,
        Field(description="the value of pixels that are not valid, where the raster does not say it"),
    ] = None
    categorical: Annotated[
        bool | None,
        Field(
            strict=True, description="whether pixels are classes, not quantities; none: as the raster looks"
        ),
    ] = None
    source_crs: Annotated[
        Crs | None, Field(description="the CRS of the source where it does not say it itself")
    ] = None
    chunk_size: Annotated[
        Literal[512, 1024, 2048, 4096, 8192, 16384],
        Field(description="width and height in pixels of the chunks that a large raster is made in"),
    ] = 4096
    register_items: Annotated[
        bool, Field(alias="register", strict=True, description="enter what was made into the STAC catalog")
    ] = True

    @field_validator("target_crs")
    @classmethod
    def _web_is_in_web_mercator(cls, target_crs: str | None, others: ValidationInfo) -> str | None:
        """Said or not, it is one job."""
        if others.data.get("profile") is not OutputProfile.WEB:
            return target_crs
        if target_crs not in (None, WEB_MERCATOR):
            raise ValueError(f"web is in {WEB_MERCATOR}: leave target_crs out")
        return None

    def options(self) -> RasterOptions:
        """What the pipeline's tasks are told of it."""
        return RasterOptions(
            target_crs=self.target_crs,
            resolution=self.resolution,
            resampling=self.resampling,
            profile=self.profile,
            nodata=self.nodata,
            categorical=self.categorical,
            source_crs=self.source_crs,
            chunk_size=self.chunk_size,
            datetime=self.datetime,
        )
