"""A job's parameters as they are written on the command line."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn, cast

import typer
from pydantic import JsonValue

from geojobs_client.models import JSONObject


def parameters_of(pairs: Sequence[str], source: str | None) -> JSONObject:
    """``key=value`` over what ``--params`` gives: a JSON object, ``@FILE``, or ``@-`` for standard input.

    Raises ``typer.BadParameter``.
    """
    given = {} if source is None else _object(source)
    own: JSONObject = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"{pair!r} is not key=value")
        if name in own:
            raise typer.BadParameter(f"{name!r} is given twice")
        own[name] = value_of(text)
    return {**given, **own}


def value_of(text: str) -> JsonValue:
    """JSON where it is JSON, else the text itself; so ``"12"`` in double quotes is a text of digits."""
    try:
        return cast("JsonValue", json.loads(text, parse_constant=_refuse))
    except (ValueError, RecursionError):
        return text


def _object(source: str) -> JSONObject:
    try:
        found = json.loads(_text(source), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise typer.BadParameter("--params is not JSON") from None
    if not isinstance(found, dict):
        raise typer.BadParameter("--params must be a JSON object")
    return cast("JSONObject", found)


def _text(source: str) -> str:
    if not source.startswith("@"):
        return source
    if source == "@-":
        return sys.stdin.read()
    try:
        return Path(source[1:]).read_text("utf-8")
    except OSError as exc:
        raise typer.BadParameter(f"--params: {source[1:]} could not be read: {exc.strerror}") from None


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
