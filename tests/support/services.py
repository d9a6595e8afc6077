"""The servers that the tests talk to, as ``./dev test`` starts and names them."""

import json
import os
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg import sql

VARIABLE = "GEOJOBS_SERVICES"


@dataclass(frozen=True)
class StorageAccount:
    """One account of the storage emulator; every test has its own, so that none sees another's messages."""

    name: str
    connection_string: str


@dataclass(frozen=True)
class PostgresServer:
    host: str
    port: int
    user: str
    password: str
    read_role: str | None = None

    def connect(self, database: str = "postgres") -> psycopg.Connection[Any]:
        return psycopg.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=database,
            autocommit=True,
            connect_timeout=5,
        )

    def create_database(self, name: str, template: str | None = None) -> None:
        source = sql.SQL(" template {}").format(sql.Identifier(template)) if template else sql.SQL("")
        with self.connect() as connection:
            connection.execute(sql.SQL("create database {}{}").format(sql.Identifier(name), source))

    def drop_database(self, name: str) -> None:
        with self.connect() as connection:
            connection.execute(
                sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
            )


class Services:
    """Hands out storage accounts, each once."""

    def __init__(self, described: dict[str, Any]) -> None:
        postgres = described["postgres"]
        self.postgres = PostgresServer(
            postgres["host"], postgres["port"], postgres["user"], postgres["password"], postgres["read_role"]
        )
        self._azurite = described["azurite"]
        self._accounts = iter(self._azurite["accounts"])

    def next_account(self) -> StorageAccount:
        account = next(self._accounts, None)
        if account is None:
            pytest.fail("the tests asked for more storage accounts than were made", pytrace=False)
        name = account["name"]
        return StorageAccount(
            name,
            f"DefaultEndpointsProtocol=http;AccountName={name};AccountKey={account['key']};"
            f"BlobEndpoint={self._azurite['blob_endpoint_base']}/{name};"
            f"QueueEndpoint={self._azurite['queue_endpoint_base']}/{name};",
        )


def described_services() -> Services:
    text = os.environ.get(VARIABLE)
    if text is None:
        pytest.fail(f"{VARIABLE} is not set: run the tests with ./dev test", pytrace=False)
    return Services(json.loads(text))
