"""Route templates as ASP.NET Core, and so the Functions host, understands them.

Supported are literals, ``{name}``, ``{name:constraint}``, ``{name?}`` and ``{*name}`` as whole segments;
literals match without regard to case; more specific templates come first.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import unquote

from devhost.errors import StartError

T = TypeVar("T")

_PARAMETER = re.compile(r"\{(\*{0,2})([A-Za-z_][A-Za-z0-9_]*)(?::([a-z]+))?(\?)?\}")
_CONSTRAINTS = {
    "int": re.compile(r"[+-]?\d+"),
    "long": re.compile(r"[+-]?\d+"),
    "alpha": re.compile(r"[A-Za-z]*"),
    "bool": re.compile(r"(?i:true|false)"),
    "guid": re.compile(r"[0-9A-Fa-f]{8}(?:-?[0-9A-Fa-f]{4}){3}-?[0-9A-Fa-f]{12}"),
}
_LITERAL, _CONSTRAINED, _FREE, _CATCH_ALL = range(4)


@dataclass(frozen=True)
class _Segment:
    rank: int
    text: str
    optional: bool = False
    constraint: re.Pattern[str] | None = None

    def accepts(self, value: str) -> bool:
        if self.rank == _LITERAL:
            return value.lower() == self.text.lower()
        return self.constraint is None or self.constraint.fullmatch(value) is not None


@dataclass(frozen=True)
class RouteTemplate:
    """One template, split into segments; ``precedence`` sorts the more specific first."""

    segments: tuple[_Segment, ...]

    @classmethod
    def parse(cls, template: str) -> "RouteTemplate":
        """Raises ``StartError`` for what is not supported."""
        parts = [part for part in template.split("/") if part]
        segments = tuple(_parse_segment(part, template) for part in parts)
        for segment in segments[:-1]:
            if segment.rank == _CATCH_ALL or segment.optional:
                raise StartError(f"route {template!r}: only the last segment may be optional or catch all")
        return cls(segments)

    @property
    def precedence(self) -> tuple[int, ...]:
        return tuple(segment.rank for segment in self.segments)

    def match(self, path: Sequence[str]) -> dict[str, str] | None:
        """The parameters' values, or ``None`` where the path does not fit."""
        values: dict[str, str] = {}
        for position, segment in enumerate(self.segments):
            if segment.rank == _CATCH_ALL:
                rest = "/".join(path[position:])
                return {**values, segment.text: rest} if rest else values
            if position >= len(path):
                return values if segment.optional else None
            if not segment.accepts(path[position]):
                return None
            if segment.rank != _LITERAL:
                values[segment.text] = path[position]
        return values if len(path) == len(self.segments) else None


@dataclass(frozen=True)
class Route(Generic[T]):
    """``methods`` is empty where any method is accepted."""

    template: RouteTemplate
    methods: frozenset[str]
    target: T


class Router(Generic[T]):
    """Finds the target of a request."""

    def __init__(self, routes: Iterable[Route[T]]) -> None:
        self._routes = sorted(routes, key=lambda route: route.template.precedence)

    def find(self, method: str, raw_path: str) -> tuple[T, dict[str, str]] | None:
        """The target and its parameters; ``raw_path`` is still percent-encoded."""
        path = split_path(raw_path)
        for route in self._routes:
            if route.methods and method.upper() not in route.methods:
                continue
            values = route.template.match(path)
            if values is not None:
                return route.target, values
        return None


def split_path(raw_path: str) -> list[str]:
    """The decoded segments; an encoded slash stays encoded, and one trailing slash does not count."""
    text = raw_path.removeprefix("/").removesuffix("/")
    if not text:
        return []
    return [unquote(re.sub("%2[Ff]", "%252F", part)) for part in text.split("/")]


def _parse_segment(part: str, template: str) -> _Segment:
    if "{" not in part and "}" not in part:
        return _Segment(_LITERAL, part)
    match = _PARAMETER.fullmatch(part)
    if match is None:
        raise StartError(f"route {template!r}: the segment {part!r} is not supported")
    stars, name, constraint, optional = match.groups()
    if stars:
        return _Segment(_CATCH_ALL, name)
    if constraint is None:
        return _Segment(_FREE, name, optional=bool(optional))
    if constraint not in _CONSTRAINTS:
        raise StartError(f"route {template!r}: the constraint {constraint!r} is not supported")
    return _Segment(_CONSTRAINED, name, optional=bool(optional), constraint=_CONSTRAINTS[constraint])
