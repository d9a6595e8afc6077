"""STAC items held to the schemas of STAC 1.1 and of its extensions, none of which is ever fetched."""

# pystac and jsonschema come without types for what is used here.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

from schema.json_types import JSONObject

CORE = "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema/item.json"
PROJECTION = "https://stac-extensions.github.io/projection/v2.0.0/schema.json"
RASTER = "https://stac-extensions.github.io/raster/v2.0.0/schema.json"
FILE = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
PROCESSING = "https://stac-extensions.github.io/processing/v1.2.0/schema.json"
PROJJSON = "https://proj.org/schemas/v0.7/projjson.schema.json"

_VENDORED = {
    PROJECTION: "projection-v2.0.0.json",
    RASTER: "raster-v2.0.0.json",
    FILE: "file-v2.1.0.json",
    PROCESSING: "processing-v1.2.0.json",
    PROJJSON: "projjson-v0.7.json",
}
_MOST_PROBLEMS = 10


def problems_of(item: JSONObject) -> list[str]:
    """What the item lacks by STAC 1.1 and each extension that it names, ten problems at most; none is good.

    An extension whose schema is not kept here is a problem, too.
    """
    extensions = item.get("stac_extensions")
    names = [CORE, *(str(name) for name in extensions)] if isinstance(extensions, list) else [CORE]
    found = [problem for name in names for problem in _problems_by(name, item)]
    return found[:_MOST_PROBLEMS]


def schemas() -> Mapping[str, Any]:
    """All schemas there are, by address."""
    from pystac.validation.local_validator import (  # noqa: PLC0415 -- loads pystac, for items alone
        get_local_schema_cache,
    )

    folder = files("services.stac") / "schemas"
    vendored = {name: json.loads((folder / file).read_text("utf-8")) for name, file in _VENDORED.items()}
    return {**get_local_schema_cache(), **vendored}


def _problems_by(name: str, item: JSONObject) -> Iterator[str]:
    validators = _validators()
    if name not in validators:
        yield f"no schema is kept for the extension {name}"
        return
    for error in validators[name].iter_errors(item):
        pointer = "/".join(str(part) for part in error.absolute_path)
        yield f"/{pointer}: {error.message[:200]} ({name})"


@lru_cache(maxsize=1)
def _validators() -> Mapping[str, Any]:
    from jsonschema import Draft7Validator  # noqa: PLC0415 -- for items alone
    from referencing import Registry, Resource  # noqa: PLC0415 -- as above

    # A registry that is not told how to retrieve refuses what it does not have.
    known = schemas()
    registry: Any = Registry().with_resources(
        [(name, Resource.from_contents(schema)) for name, schema in known.items()]
    )
    return {
        name: Draft7Validator(known[name], registry=registry)
        for name in (CORE, *_VENDORED)
        if name != PROJJSON
    }
