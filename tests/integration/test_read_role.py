"""Who looks into the database acts as a role that could not write."""

import dataclasses
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from psycopg import errors, sql

from repositories.migrations import SchemaRepository
from repositories.postgres import Database
from repositories.reading import reading
from schema.errors import DatabaseUnavailableError
from tests.conftest import postgres_address
from tests.support.routes import call
from tests.support.seeding import Seeder
from tests.support.services import Services
from triggers.application import Application

ROUTES = [
    "/jobs",
    "/jobs/{job}/events",
    "/db/jobs",
    "/db/jobs/{job}",
    "/db/tasks",
    "/db/tasks/{job}",
    "/db/stats",
    "/db/enums/diagnostic",
    "/db/debug/all",
    "/monitor/poison",
    "/ogc/jobs",
]


@pytest.fixture
def role(services: Services) -> str:
    assert services.postgres.read_role
    return services.postgres.read_role


@pytest.fixture
def job_id(database: Database) -> str:
    seeder = Seeder(database)
    made = seeder.job()
    seeder.stage(made, 2)
    return made


@pytest.fixture
def stranger(services: Services, database_name: str) -> Iterator[Database]:
    """The database through a login that is a member of nothing."""
    name = f"stranger_{uuid4().hex[:12]}"
    login = {"role": sql.Identifier(name), "password": sql.Literal(name)}
    with services.postgres.connect() as connection:
        connection.execute(sql.SQL("create role {role} login password {password}").format(**login))
    address = postgres_address(services.postgres, database_name)
    database = Database(dataclasses.replace(address, user=name, password=lambda: name), max_size=1)
    yield database
    database.close()
    with services.postgres.connect() as connection:
        connection.execute(sql.SQL("drop role {role}").format(**login))


def roles(database: Database) -> str:
    with reading(database) as connection:
        row = connection.execute("select current_user as role").fetchone()
    assert row is not None
    return row["role"]


def test_reading_acts_as_the_role_and_nothing_else_does(database: Database, role: str) -> None:
    assert roles(database) == role
    row = database.fetch_one("select current_user as role")
    assert row is not None
    assert row["role"] != role


def test_a_write_while_reading_fails(database: Database) -> None:
    with pytest.raises(errors.ReadOnlySqlTransaction), reading(database) as connection:
        connection.execute("delete from app.sweeps")


def test_a_write_fails_even_where_the_transaction_was_opened_for_writing(database: Database) -> None:
    opened_and_deleted = "set transaction read write; delete from app.sweeps"
    with pytest.raises(DatabaseUnavailableError) as raised, reading(database) as connection:
        connection.execute(opened_and_deleted)
    assert isinstance(raised.value.__cause__, errors.InsufficientPrivilege)


@pytest.mark.parametrize("path", ROUTES)
def test_a_route_that_reads_has_the_rights_of_the_role_and_no_others(
    application: Application, database: Database, role: str, job_id: str, path: str
) -> None:
    target = path.format(job=job_id)
    assert call(application, "GET", target).status == 200
    with database.connection() as connection:
        revoke = sql.SQL("revoke select on all tables in schema app from {}")
        connection.execute(revoke.format(sql.Identifier(role)))
    answer = call(application, "GET", target)
    assert answer.status == 503
    if not path.startswith("/ogc"):
        assert answer.json()["code"] == "DATABASE_UNAVAILABLE"
    assert "POSTGRES_READ_ROLE" in answer.json()["detail"]


def test_stats_see_what_the_apps_own_sessions_do(application: Application) -> None:
    connections = call(application, "GET", "/db/stats").json()["connections"]
    assert connections["active"] >= 1
    assert connections["active"] + connections["idle"] + connections["idle_in_transaction"] >= 1


def test_a_role_that_is_not_there_is_said_to_be_the_reason(
    make_application: Callable[..., Application],
) -> None:
    application = make_application(POSTGRES_READ_ROLE="no_role_of_this_name")
    answer = call(application, "GET", "/jobs")
    assert (answer.status, answer.json()["code"]) == (503, "DATABASE_UNAVAILABLE")
    assert "POSTGRES_READ_ROLE" in answer.json()["detail"]
    health = call(application, "GET", "/health")
    assert health.status == 503
    assert "POSTGRES_READ_ROLE" in health.json()["components"]["database"]["message"]


def test_a_role_that_the_app_is_no_member_of_is_refused(stranger: Database) -> None:
    with (
        pytest.raises(DatabaseUnavailableError, match=r"POSTGRES_USER.* a member"),
        reading(stranger),
    ):
        pass


def test_migrating_lets_the_role_read_and_says_so(empty_database: Database, role: str) -> None:
    schema = SchemaRepository(empty_database)
    assert f"let {role} read" in schema.migrate()
    assert f"let {role} read" not in schema.migrate()
    with reading(empty_database) as connection:
        connection.execute("select from app.jobs")


def test_later_tables_are_for_the_role_too(database: Database) -> None:
    database.execute("create table app.later (id integer)")
    with reading(database) as connection:
        connection.execute("select from app.later")


def test_migrating_without_a_role_gives_nobody_anything(
    services: Services, empty_database_name: str, role: str
) -> None:
    address = postgres_address(services.postgres, empty_database_name)
    database = Database(dataclasses.replace(address, read_role=None), max_size=1)
    try:
        assert not [step for step in SchemaRepository(database).migrate() if "read" in step]
        row = database.fetch_one("select has_schema_privilege(%s, 'app', 'usage') as usage", [role])
    finally:
        database.close()
    assert row == {"usage": False}


def test_migrating_for_a_role_that_is_not_there_changes_nothing(
    services: Services, empty_database_name: str
) -> None:
    address = postgres_address(services.postgres, empty_database_name)
    database = Database(dataclasses.replace(address, read_role="no_role_of_this_name"), max_size=1)
    try:
        with pytest.raises(DatabaseUnavailableError, match="an administrator has to make it"):
            SchemaRepository(database).migrate()
        assert SchemaRepository(database).version() is None
    finally:
        database.close()
