"""STAC items through pystac, with every address but those of kept schemas out of reach."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pystac
from pystac.stac_io import DefaultStacIO
from pystac.validation import JsonSchemaSTACValidator
from pystac.validation import validate_dict as validate

from schema.json_types import JSONObject
from services.stac.validation import schemas


class _Unreachable(pystac.StacIO):
    def read_text(self, source: Any, *_: Any, **_named: Any) -> str:
        raise AssertionError(f"{source} was asked for")

    def write_text(self, dest: Any, *_: Any, **_named: Any) -> None:
        raise AssertionError(f"{dest} was to be written")


@contextmanager
def _offline() -> Iterator[JsonSchemaSTACValidator]:
    pystac.StacIO.set_default(_Unreachable)
    validator = JsonSchemaSTACValidator()
    validator.schema_cache.update(schemas())
    try:
        yield validator
    finally:
        pystac.StacIO.set_default(DefaultStacIO)


def assert_valid_by_pystac(item: JSONObject) -> pystac.Item:
    """The item as pystac reads it, after it passed pystac's own validation of core and extensions."""
    with _offline() as validator:
        used = validate(item, validator=validator)
        assert len(used) == 1 + len(list(item["stac_extensions"] or []))
        return pystac.Item.from_dict(item)
