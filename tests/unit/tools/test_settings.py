import base64
import json
from pathlib import Path

from azure.storage.blob import BlobServiceClient

from tools import azurite, ports
from tools.paths import ROOT
from tools.profiles import Profile
from tools.settings import app_environment, postgres_uri
from tools.testing import services_for_tests

_NUMBERS = ports.configured({})
_SECRET = "POSTGRES_PASSWORD"


def test_the_example_for_core_tools_says_what_the_local_host_is_told(tmp_path: Path) -> None:
    example = json.loads((ROOT / "local.settings.example.json").read_text("utf-8"))
    told = app_environment(Profile("dev", tmp_path), _NUMBERS)

    assert example["Values"] | {_SECRET: told[_SECRET]} == told


def test_the_example_is_not_encrypted_and_holds_no_password(tmp_path: Path) -> None:
    example = json.loads((ROOT / "local.settings.example.json").read_text("utf-8"))

    assert example["IsEncrypted"] is False
    assert "./dev status" in example["Values"][_SECRET]


def test_the_connection_string_leads_to_azurite() -> None:
    text = azurite.connection_string(azurite.WELL_KNOWN, _NUMBERS)

    with BlobServiceClient.from_connection_string(text) as client:
        assert client.url == "http://127.0.0.1:55010/devstoreaccount1/"


def test_the_uri_holds_the_password(tmp_path: Path) -> None:
    dev = Profile("dev", tmp_path)
    password = app_environment(dev, _NUMBERS)[_SECRET]

    assert postgres_uri(dev, _NUMBERS) == f"postgresql://geojobs:{password}@127.0.0.1:55432/geojobs"


def test_dev_has_the_well_known_account_alone(tmp_path: Path) -> None:
    assert azurite.accounts(Profile("dev", tmp_path)) == [azurite.WELL_KNOWN]


def test_tests_have_many_accounts_with_valid_keys(tmp_path: Path) -> None:
    accounts = azurite.accounts(Profile("test", tmp_path))

    assert len({account.name for account in accounts}) == 601
    assert all(len(base64.b64decode(account.key, validate=True)) == 64 for account in accounts)


def test_tests_are_told_of_database_and_storage(tmp_path: Path) -> None:
    told = json.loads(json.dumps(services_for_tests(Profile("test", tmp_path), _NUMBERS)))

    assert set(told["postgres"]) == {"host", "port", "user", "password", "database", "read_role"}
    assert told["azurite"]["blob_endpoint_base"] == "http://127.0.0.1:55010"
    assert told["azurite"]["queue_endpoint_base"] == "http://127.0.0.1:55011"
    assert set(told["azurite"]["accounts"][0]) == {"name", "key"}
