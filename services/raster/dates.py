"""When a raster was acquired, as its tags or its name tell. Times without an offset count as UTC."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

EARLIEST_YEAR = 1950

_AHEAD = timedelta(days=1)
"""How far beyond now a time may lie: clocks go wrong, and a time without an offset may be a local one."""

_TAGS = (
    *("ACQUISITIONDATETIME", "ACQUISITION_DATETIME", "ACQUISITIONDATE", "ACQUISITION_DATE", "DATE_ACQUIRED"),
    *("SENSING_TIME", "TIME_START", "START_TIME", "DATETIME", "DATE"),
)
"""Tags that tell of the acquisition, the surest first."""

_WRITTEN = "TIFFTAG_DATETIME"
"""Says when the file was made, which is often all that there is."""

_DAY = r"(?P<year>(?:19|20|21)\d\d)(?P<s>[-_:/.]?)(?P<month>\d\d)(?P=s)(?P<day>\d\d)"
_CLOCK = r"(?P<hour>\d\d):?(?P<minute>\d\d)(?::?(?P<second>\d\d)(?:\.\d+)?)?"
_OFFSET = r"(?P<offset>Z|UTC|GMT|[+-]\d\d:?\d\d)?"
_TEXT = re.compile(rf"{_DAY}(?:(?:[T ]|(?<=\d{{8}})){_CLOCK}\s*{_OFFSET})?")
_AROUND_TEXT = " \t\r\n\0"
_IN_NAME = re.compile(rf"(?<!\d){_DAY}(?:[Tt_-]?(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d))?(?!\d)")
_IN_FOLDERS = re.compile(_DAY)
_ORDINAL_IN_NAME = re.compile(r"(?<![A-Za-z0-9])A(?P<year>(?:19|20|21)\d\d)(?P<ordinal>\d{3})(?!\d)")
"""As products of MODIS and VIIRS have it; without the letter it is as often the number of a tile."""


def from_tags(domains: Iterable[Mapping[str, str]], now: datetime) -> datetime | None:
    """The acquisition by the tags of several domains, in UTC. What lies beyond ``now`` is none."""
    merged = {key.upper(): value for domain in domains for key, value in domain.items()}
    values = (merged[tag] for tag in _TAGS if tag in merged)
    return next((moment for value in values if (moment := _from_text(value, now))), None)


def written(tags: Mapping[str, str], now: datetime) -> datetime | None:
    """When the file says that it was made, in UTC."""
    return _from_text(tags.get(_WRITTEN, ""), now)


def from_name(name: str, now: datetime) -> datetime | None:
    """The first date in the last part of a blob's name, else in its folders from the innermost outwards:
    ``20240501``, ``2024-05-01``, ``20240501T103000``, ``A2024122`` (the day of the year), the folders
    ``2024/05/01``; in UTC. What lies beyond ``now`` is none."""
    parts = name.split("/")
    for end in range(len(parts), 0, -1):
        part = parts[end - 1]
        found = [_moment(match, now) for match in _IN_NAME.finditer(part)]
        found += [_from_ordinal(match, now) for match in _ORDINAL_IN_NAME.finditer(part)]
        if end < len(parts):
            found.append(_moment(_IN_FOLDERS.fullmatch("/".join(parts[max(0, end - 3) : end])), now))
        if moment := next(filter(None, found), None):
            return moment
    return None


def _from_text(text: str, now: datetime) -> datetime | None:
    return _moment(_TEXT.fullmatch(text.strip(_AROUND_TEXT)), now)


def _moment(match: re.Match[str] | None, now: datetime) -> datetime | None:
    if match is None:
        return None
    parts = match.groupdict()
    date = [int(parts[key]) for key in ("year", "month", "day")]
    clock = [int(parts[key]) for key in ("hour", "minute", "second") if parts.get(key)]
    try:
        moment = datetime(*date, *clock, tzinfo=UTC) - _offset(parts.get("offset"))  # type: ignore[misc]
    except (ValueError, OverflowError):
        return None
    return moment if _is_likely(moment, now) else None


def _offset(text: str | None) -> timedelta:
    if text is None or text.isalpha():
        return timedelta()
    digits = text[1:].replace(":", "")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -size if text.startswith("-") else size


def _from_ordinal(match: re.Match[str], now: datetime) -> datetime | None:
    year, ordinal = int(match["year"]), int(match["ordinal"])
    moment = datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=ordinal - 1)
    return moment if moment.year == year and _is_likely(moment, now) else None


def _is_likely(moment: datetime, now: datetime) -> bool:
    return moment.year >= EARLIEST_YEAR and moment <= now + _AHEAD
