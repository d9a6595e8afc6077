"""What a document says of routes beyond their tables."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel

from schema.json_types import JSONObject
from triggers.http import PROBLEM_TYPE
from triggers.problems import Problem


@dataclass(frozen=True)
class Body:
    """A JSON body that fits one of several models, each with a title; examples have a title, too."""

    description: str
    models: Mapping[str, type[BaseModel]]
    examples: Mapping[str, JSONObject] = field(default_factory=dict[str, JSONObject])
    required: bool = False


@dataclass(frozen=True)
class Header:
    """A header that callers may send."""

    name: str
    description: str
    schema: JSONObject


@dataclass(frozen=True)
class Callback:
    """A request that the app makes later, to the address that ``expression`` finds in the caller's own.

    ``expression`` is a runtime expression of OpenAPI, such as ``{$request.header.X-Callback-URL}``.
    """

    name: str
    expression: str
    description: str
    model: type[BaseModel]
    headers: tuple[Header, ...] = ()


@dataclass(frozen=True)
class Supplement:
    """What is to be said of one route besides."""

    body: Body | None = None
    headers: tuple[Header, ...] = ()
    callbacks: tuple[Callback, ...] = ()


@dataclass(frozen=True)
class RefusalFormat:
    """How the routes of a document answer what they refuse."""

    model: type[BaseModel] = Problem
    media_type: str = PROBLEM_TYPE
