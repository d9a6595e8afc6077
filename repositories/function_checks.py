"""Compares the app's SQL functions with the files they come from, and calls each once."""

import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import LiteralString, NamedTuple, cast
from uuid import uuid4

import psycopg
from psycopg import errors, sql

from repositories.postgres import Connection, Database, Row
from repositories.statements import load_statements
from schema.api import FunctionCheck

_SQL = load_statements("function_checks.sql")
_SOURCE = Path(__file__).parent.parent / "schema" / "sql" / "functions"

_HEADER = re.compile(r"create or replace (function|procedure) app\.(\w+)")
_END = "$$;"
_OWN_REFUSALS = "GJ"


class DeclaredFunction(NamedTuple):
    """What one file declares. ``as_temporary`` creates it for this session only, touching nothing else."""

    kind: str
    name: str
    as_temporary: LiteralString


class _Trial(NamedTuple):
    works: bool
    message: str


class PostgresFunctionInspector:
    """Implements ``interfaces.inspection.FunctionInspector``.

    The server itself reads each file: the function is created as a temporary one and both definitions are
    compared. Trial calls work on a job, a stage and two tasks that exist for them alone. All of it happens
    in one transaction that is rolled back, so that a call changes nothing, whatever the function does.
    """

    def __init__(self, database: Database, source: Path = _SOURCE) -> None:
        self._database = database
        self._source = source

    def check(self) -> Sequence[FunctionCheck]:
        declared = [declaration(file.read_text("utf-8")) for file in sorted(self._source.glob("*.sql"))]
        with self._database.connection() as connection, connection.transaction(force_rollback=True):
            connection.execute(_SQL["begin"])
            arguments = _probe_arguments()
            _seed(connection, arguments)
            checks = [_checked(connection, function, arguments) for function in declared]
            return [*checks, *_undeclared(connection, checks)]


def declaration(text: str) -> DeclaredFunction:
    """What a file of ``schema/sql/functions`` declares: its first statement. ``ValueError`` if it is none."""
    header = _HEADER.search(text)
    end = text.find(_END)
    if header is None or end < 0:
        raise ValueError(f"no function or procedure of the schema app is declared by: {text[:80]!r}")
    kind, name = header.groups()
    temporary = f"create {kind} pg_temp.{name}{text[header.end() : end]}{_END}"
    return DeclaredFunction(kind, name, cast("LiteralString", temporary))


def _probe_arguments() -> dict[str, object]:
    """A value for each parameter that means the same in every function, by its name."""
    task_id = f"function-check-{uuid4().hex}"
    return {
        "p_job_id": secrets.token_hex(32),
        "p_task_id": task_id,
        "p_task_ids": [task_id, f"{task_id}-held-back"],
        "p_lease_token": str(uuid4()),
        "p_run": "1",
        "p_stage": "1",
        "p_limit": "0",
        "p_status": "failed",
        "p_error": None,
    }


_VALUE_OF_TYPE: Mapping[str, object] = {
    "bigint": "1",
    "boolean": "false",
    "character": "",
    "double precision": "1",
    "integer": "1",
    "interval": "1 day",
    "jsonb": "{}",
    "smallint": "1",
    "text": "",
    "uuid": "00000000-0000-0000-0000-000000000000",
}
"""What any other parameter gets; one of a type that is not here gets null, an array none of its elements."""


def _seed(connection: Connection, arguments: Mapping[str, object]) -> None:
    """Make the things that trial calls work on. Where it fails, the calls of those functions say so."""
    try:
        with connection.transaction():
            for statement in ("seed_job", "seed_stage", "seed_claim"):
                connection.execute(_SQL[statement], arguments)
    except psycopg.DatabaseError:
        return


def _checked(
    connection: Connection, function: DeclaredFunction, arguments: Mapping[str, object]
) -> FunctionCheck:
    expected = _definition_in_file(connection, function)
    present = _definition_in_app(connection, function.name, expected)
    trial = _Trial(works=False, message="missing: apply the migrations")
    if present is not None:
        trial = _tried(connection, function, present, arguments)
    return FunctionCheck(
        name=function.name,
        kind=function.kind,
        expected=expected["signature"] if expected else None,
        present=present["signature"] if present else None,
        current=bool(expected and present and expected["definition"] == present["definition"]),
        works=trial.works,
        message=trial.message,
    )


def _undeclared(connection: Connection, checks: Sequence[FunctionCheck]) -> list[FunctionCheck]:
    """What the schema has besides: an overload left from an earlier version can make calls ambiguous."""
    known = {(check.name, check.present) for check in checks}
    return [
        FunctionCheck(
            name=row["name"],
            kind=row["kind"],
            expected=None,
            present=row["signature"],
            current=False,
            works=False,
            message="no file declares it, so it was not called",
        )
        for row in connection.execute(_SQL["all_in_app"])
        if (row["name"], row["signature"]) not in known
    ]


def _definition_in_file(connection: Connection, function: DeclaredFunction) -> Row | None:
    """``None`` where the server cannot read it, as when a type is missing."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(function.as_temporary)
            return connection.execute(_SQL["definition_in_file"], {"name": function.name}).fetchone()
    except psycopg.DatabaseError:
        return None


def _definition_in_app(connection: Connection, name: str, expected: Row | None) -> Row | None:
    """Of several with the name, the one with the expected signature."""
    rows = connection.execute(_SQL["definitions_in_app"], {"name": name}).fetchall()
    if expected is None or not rows:
        return rows[0] if rows else None
    return next((row for row in rows if row["signature"] == expected["signature"]), rows[0])


def _tried(
    connection: Connection, function: DeclaredFunction, present: Row, arguments: Mapping[str, object]
) -> _Trial:
    if str(present["signature"]).endswith("-> trigger"):
        return _tried_trigger(connection, present["oid"], arguments)
    verb = "call" if function.kind == "procedure" else "select * from"
    return _attempt(connection, _call(connection, verb, function.name, present["oid"], arguments))


def _tried_trigger(connection: Connection, oid: int, arguments: Mapping[str, object]) -> _Trial:
    """Fire it by cancelling the probe's row; one under a lease is not cancelled so."""
    triggers = connection.execute(_SQL["triggers"], {"oid": oid}).fetchall()
    if not triggers or not all(row["enabled"] for row in triggers):
        return _Trial(works=False, message="no trigger fires it, or one is disabled")
    statement = sql.SQL(
        "update app.{table} as t set status = 'cancelled', last_event = 'cancelled'"
        " where job_id = {job_id} and to_jsonb(t) ->> 'lease_token' is null"
    ).format(table=sql.Identifier(triggers[0]["table"]), job_id=sql.Literal(arguments["p_job_id"]))
    return _attempt(connection, statement)


def _call(
    connection: Connection, verb: LiteralString, name: str, oid: int, arguments: Mapping[str, object]
) -> sql.Composed:
    parameters = connection.execute(_SQL["arguments"], {"oid": oid}).fetchall()
    named = [
        sql.SQL("{} => {}").format(sql.Identifier(row["name"]), sql.Literal(_value(row, arguments)))
        for row in parameters
    ]
    return sql.SQL("{} app.{}({})").format(sql.SQL(verb), sql.Identifier(name), sql.SQL(", ").join(named))


def _value(parameter: Row, arguments: Mapping[str, object]) -> object:
    name, kind = parameter["name"], parameter["type"]
    if parameter["kind"] == "c":
        return None
    if kind.endswith("[]"):
        return "{}"
    return arguments[name] if name in arguments else _VALUE_OF_TYPE.get(kind)


def _attempt(connection: Connection, statement: sql.Composed) -> _Trial:
    """Run it in a savepoint. Errors of the project's own SQLSTATEs are refusals that it is there to give, and
    a procedure's commit cannot be tried in a transaction: to get that far is all that can be asked."""
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement)
    except errors.InvalidTransactionTermination:
        return _Trial(works=True, message="called up to its commit and rolled back")
    except psycopg.DatabaseError as exc:
        state = exc.sqlstate or ""
        if state.startswith(_OWN_REFUSALS):
            return _Trial(works=True, message=f"refused the trial call, as it should ({state})")
        return _Trial(works=False, message=f"{state}: {exc.diag.message_primary or type(exc).__name__}")
    return _Trial(works=True, message="called and rolled back")
