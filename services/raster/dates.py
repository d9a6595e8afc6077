"""When a raster was acquired, as its tags or its name tell. Times without an offset count as UTC."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

EARLIEST_YEAR, LATEST_YEAR = 1950, 2100

_TAGS = (
    *("ACQUISITIONDATETIME", "ACQUISITION_DATETIME", "ACQUISITIONDATE", "ACQUISITION_DATE", "DATE_ACQUIRED"),
    *("SENSING_TIME", "TIME_START", "START_TIME", "DATETIME", "DATE"),
)
"""Tags that tell of the acquisition, the surest first."""

_WRITTEN = "TIFFTAG_DATETIME"
"""Says when the file was made, which is often all that there is."""

_DAY = r"(?P<year>(?:19|20|21)\d\d)(?P<s>[-_:/.]?)(?P<month>\d\d)(?P=s)(?P<day>\d\d)"
_CLOCK = r"(?P<hour>\d\d):?(?P<minute>\d\d):?(?P<second>\d\d)(?:\.\d+)?"
_OFFSET = r"(?P<offset>Z|[+-]\d\d:?\d\d)?"
_TEXT = re.compile(rf"{_DAY}(?:[T ]{_CLOCK}\s*{_OFFSET})?.?")
_IN_NAME = re.compile(rf"(?<!\d){_DAY}(?:[Tt_-]?(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d))?(?!\d)")
_ORDINAL_IN_NAME = re.compile(r"(?<![A-Za-z0-9])A?(?P<year>(?:19|20|21)\d\d)(?P<ordinal>\d{3})(?!\d)")


def from_tags(domains: Iterable[Mapping[str, str]]) -> datetime | None:
    """The acquisition by the tags of several domains, in UTC."""
    merged = {key.upper(): value for domain in domains for key, value in domain.items()}
    values = (merged[tag] for tag in _TAGS if tag in merged)
    return next((moment for value in values if (moment := _moment(_TEXT.fullmatch(value.strip())))), None)


def written(tags: Mapping[str, str]) -> datetime | None:
    """When the file says that it was made, in UTC."""
    return _moment(_TEXT.fullmatch(tags.get(_WRITTEN, "").strip()))


def from_name(name: str) -> datetime | None:
    """The first date in the last part of a blob's name, else in its folders from the innermost outwards:
    ``20240501``, ``2024-05-01``, ``20240501T103000``, ``2024122`` (the day of the year), in UTC."""
    for part in reversed(name.split("/")):
        dates = (_moment(match) for match in _IN_NAME.finditer(part))
        ordinals = (_from_ordinal(match) for match in _ORDINAL_IN_NAME.finditer(part))
        found = next((moment for moment in (*dates, *ordinals) if moment), None)
        if found:
            return found
    return None


def _moment(match: re.Match[str] | None) -> datetime | None:
    if match is None:
        return None
    parts = match.groupdict()
    date = [int(parts[key]) for key in ("year", "month", "day")]
    clock = [int(parts[key]) for key in ("hour", "minute", "second") if parts.get(key)]
    try:
        moment = datetime(*date, *clock, tzinfo=UTC) - _offset(parts.get("offset"))  # type: ignore[misc]
    except (ValueError, OverflowError):
        return None
    return moment if EARLIEST_YEAR <= moment.year <= LATEST_YEAR else None


def _offset(text: str | None) -> timedelta:
    if text is None or text == "Z":
        return timedelta()
    digits = text[1:].replace(":", "")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -size if text.startswith("-") else size


def _from_ordinal(match: re.Match[str]) -> datetime | None:
    year, ordinal = int(match["year"]), int(match["ordinal"])
    moment = datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=ordinal - 1)
    return moment if ordinal > 0 and moment.year == year and EARLIEST_YEAR <= year <= LATEST_YEAR else None
