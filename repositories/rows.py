"""Turns what the driver gives into records, and values into what the driver takes."""

from collections.abc import Sequence
from typing import Any

from psycopg.types.json import Jsonb
from pydantic import BaseModel
from pydantic_core import to_json

from schema.json_types import JSONObject
from schema.records import OutboxRecord


def outbox_records(messages: Sequence[dict[str, Any]]) -> list[OutboxRecord]:
    """The rows of ``app.outbox_json``: the urgent first, then in the order in which they were written."""
    records = (OutboxRecord.model_validate(row) for row in messages)
    return sorted(records, key=lambda row: (row.priority, row.outbox_id))


def json_text(value: JSONObject) -> str:
    """JSON text for a parameter that the statement casts to jsonb itself."""
    return to_json(value).decode()


def jsonb(value: JSONObject | BaseModel | None) -> Jsonb | None:
    """A jsonb parameter, or SQL's null for ``None``."""
    if value is None:
        return None
    if isinstance(value, BaseModel):
        return Jsonb(value, dumps=_dump_model)
    return Jsonb(value, dumps=to_json)


def _dump_model(model: BaseModel) -> str:
    return model.model_dump_json(exclude_none=True)
