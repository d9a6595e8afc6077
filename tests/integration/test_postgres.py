"""The connection pool on a real server."""

import threading
from contextlib import ExitStack
from dataclasses import replace
from time import monotonic

import psycopg
import pytest

from repositories.postgres import Database
from schema.errors import DatabaseUnavailableError
from tests.conftest import postgres_address
from tests.support.services import Services


def test_nothing_is_opened_before_the_first_use(services: Services, database_name: str) -> None:
    asked: list[str] = []

    def password() -> str:
        asked.append("asked")
        return services.postgres.password

    address = replace(postgres_address(services.postgres, database_name), password=password)
    database = Database(address, max_size=2)
    try:
        assert asked == []
        assert database.fetch_one("select 1 as one") == {"one": 1}
        assert asked == ["asked"]
    finally:
        database.close()


def test_the_password_is_asked_anew_for_each_connection(services: Services, database_name: str) -> None:
    answers = iter(["out of date", services.postgres.password])
    address = replace(
        postgres_address(services.postgres, database_name),
        password=lambda: next(answers, services.postgres.password),
    )
    database = Database(address, max_size=1)
    try:
        assert database.fetch_one("select 1 as one") == {"one": 1}
    finally:
        database.close()


def test_the_pool_stays_within_its_size(services: Services, database_name: str) -> None:
    database = Database(postgres_address(services.postgres, database_name), max_size=2)
    barrier = threading.Barrier(8)

    def ask() -> None:
        barrier.wait()
        database.fetch_one("select pg_sleep(0.02)")

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        assert database.pool_stats()["pool_size"] == 2
    finally:
        database.close()


def test_a_connection_that_the_server_ended_is_replaced(database: Database) -> None:
    with database.connection() as first, database.connection() as second:
        ended = first.info.backend_pid
        second.execute("select pg_terminate_backend(%s, 5000)", [ended])
    row = database.fetch_one("select pg_backend_pid() as pid")
    assert row is not None
    assert row["pid"] != ended


def test_a_pool_whose_every_connection_was_ended_serves_at_once(database: Database) -> None:
    with ExitStack() as held:
        opened = [held.enter_context(database.connection()) for _ in range(8)]
        killer = held.enter_context(database.connection())
        for connection in opened:
            killer.execute("select pg_terminate_backend(%s, 5000)", [connection.info.backend_pid])
    begun = monotonic()
    for _ in range(20):
        assert database.fetch_one("select 1 as one") == {"one": 1}
    assert monotonic() - begun < 1.0


def test_a_statement_that_takes_too_long_is_ended(services: Services, database_name: str) -> None:
    address = replace(postgres_address(services.postgres, database_name), statement_timeout_seconds=0.1)
    database = Database(address, max_size=1)
    try:
        with pytest.raises(DatabaseUnavailableError):
            database.fetch_one("select pg_sleep(30)")
    finally:
        database.close()


def test_a_transaction_whose_block_raises_is_rolled_back(database: Database) -> None:
    def fail_after_writing() -> None:
        with database.transaction() as connection:
            connection.execute("insert into app.sweeps default values")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_after_writing()
    assert database.fetch_all("select * from app.sweeps") == []


def test_a_missing_schema_is_reported_as_a_database_that_is_not_ready(empty_database: Database) -> None:
    with pytest.raises(DatabaseUnavailableError, match="schema is missing"):
        empty_database.fetch_one("select * from app.jobs")


def test_a_defect_in_a_statement_is_not_dressed_up_as_an_outage(database: Database) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        database.fetch_one("select 1 / 0")


def test_a_closed_pool_says_that_the_database_is_unavailable(services: Services, database_name: str) -> None:
    database = Database(postgres_address(services.postgres, database_name), max_size=1)
    database.fetch_one("select 1 as one")
    database.close()
    with pytest.raises(DatabaseUnavailableError):
        database.fetch_one("select 1 as one")


def test_behind_pgbouncer_no_start_up_options_are_sent(services: Services, database_name: str) -> None:
    address = replace(postgres_address(services.postgres, database_name), behind_pgbouncer=True)
    database = Database(address, max_size=1)
    try:
        assert address.connection_arguments()["options"] == ""
        assert database.fetch_one("show statement_timeout") == {"statement_timeout": "0"}
    finally:
        database.close()
