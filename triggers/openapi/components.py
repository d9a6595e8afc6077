"""The schemas of models, for the components of a document."""

from collections.abc import Iterable, Iterator, Mapping
from types import UnionType
from typing import cast, get_args

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

from schema.json_types import JSONObject, JSONValue
from triggers.http import Answer

_PREFIX = "#/components/schemas/"

Use = tuple[type[BaseModel], JsonSchemaMode]
"""A model as it is sent, or as it is taken."""


def sent(model: type[BaseModel]) -> Use:
    return model, "serialization"


def taken(model: type[BaseModel]) -> Use:
    return model, "validation"


class _Untitled(GenerateJsonSchema):
    """Fields get no titles: they would repeat the names."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002 -- the library's signature
        return False


class Components:
    """The schemas of a document's models, under names that do not clash."""

    def __init__(self, uses: Iterable[Use]) -> None:
        wanted = list(dict.fromkeys(uses))
        found, definitions = models_json_schema(
            wanted, ref_template=f"{_PREFIX}{{model}}", schema_generator=_Untitled
        )
        self._references = {use: cast("JSONObject", schema) for use, schema in found.items()}
        self._schemas = cast("JSONObject", readable(definitions.get("$defs", {})))

    def reference(self, use: Use) -> JSONObject:
        """A reference to a model's schema."""
        return dict(self._references[use])

    def fields(self, model: type[BaseModel]) -> Mapping[str, JSONObject]:
        """The schemas of the fields of a model that is taken."""
        name = str(self._references[taken(model)]["$ref"]).removeprefix(_PREFIX)
        schema = cast("JSONObject", self._schemas[name])
        return cast("Mapping[str, JSONObject]", schema.get("properties", {}))

    def used_by(self, document: JSONValue) -> JSONObject:
        """Of all schemas those that a document refers to, through others, too; by name."""
        reached: set[str] = set()
        waiting = list(_named(document))
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting += _named(self._schemas[name])
        return {name: self._schemas[name] for name in sorted(reached)}


def models_of(answer: Answer) -> tuple[type[BaseModel], ...]:
    """The model of an answer, or each of its alternatives."""
    if isinstance(answer.model, UnionType):
        return get_args(answer.model)
    return () if answer.model is None else (answer.model,)


def readable(value: JSONValue) -> JSONValue:
    """The same with the docstrings' ``code`` as Markdown has it."""
    if isinstance(value, dict):
        return {name: _readable_text(name, item) for name, item in value.items()}
    return [readable(item) for item in value] if isinstance(value, list) else value


def _readable_text(name: str, item: JSONValue) -> JSONValue:
    return markdown(item) if name == "description" and isinstance(item, str) else readable(item)


def markdown(docstring: str) -> str:
    """A docstring's text, its lines joined to paragraphs."""
    paragraphs = docstring.replace("``", "`").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _named(value: JSONValue) -> Iterator[str]:
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str) and reference.startswith(_PREFIX):
            yield reference.removeprefix(_PREFIX)
        for item in value.values():
            yield from _named(item)
    elif isinstance(value, list):
        for item in value:
            yield from _named(item)
