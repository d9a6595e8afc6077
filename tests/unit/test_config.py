"""The settings: what is refused, and that no value is ever shown."""

import pytest
from pydantic import SecretStr

from config import AuthMode, Settings, load_settings
from schema.errors import ConfigurationError

_PLATFORM = ("WEBSITE_INSTANCE_ID", "WEBSITE_POD_NAME", "WEBSITE_SITE_NAME", "CONTAINER_APP_NAME")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Nothing but what every app needs."""
    for name in (*Settings.model_fields, *_PLATFORM):
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("AzureWebJobsStorage", "UseDevelopmentStorage=true")
    monkeypatch.setenv("POSTGRES_PASSWORD", "a secret")
    return monkeypatch


def test_keys_are_checked_unless_told_otherwise() -> None:
    assert load_settings().auth_mode is AuthMode.KEYS


@pytest.mark.parametrize("name", _PLATFORM)
def test_an_app_that_is_deployed_is_never_open(environment: pytest.MonkeyPatch, name: str) -> None:
    for other in _PLATFORM:
        environment.setenv(other, "")
    environment.setenv(name, "geojobs-prod")
    environment.setenv("AUTH_MODE", "anonymous")
    with pytest.raises(ConfigurationError, match="AUTH_MODE"):
        load_settings()


def test_a_laptop_may_be_open(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AUTH_MODE", "anonymous")
    assert load_settings().auth_mode is AuthMode.ANONYMOUS


def test_a_missing_password_is_named(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("POSTGRES_PASSWORD")
    with pytest.raises(ConfigurationError, match="POSTGRES_PASSWORD"):
        load_settings()


def test_storage_needs_a_connection_string_or_both_addresses(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("AzureWebJobsStorage")
    environment.setenv("AzureWebJobsStorage__queueServiceUri", "https://account.queue.example")
    with pytest.raises(ConfigurationError, match="blobServiceUri"):
        load_settings()


def test_an_unusable_value_is_named_and_not_shown(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("POSTGRES_PORT", "a secret port")
    with pytest.raises(ConfigurationError, match="postgres_port") as raised:
        load_settings()
    assert "secret" not in str(raised.value)


def test_containers_are_separated_by_commas(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("READ_CONTAINERS", "bronze, landing,")
    assert load_settings().read_containers == ("bronze", "landing")


def test_secrets_do_not_show_in_the_settings() -> None:
    settings = load_settings()
    assert isinstance(settings.postgres_password, SecretStr)
    assert "a secret" not in repr(settings)


SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


def test_callbacks_are_off_unless_there_is_a_secret(environment: pytest.MonkeyPatch) -> None:
    assert load_settings().callback_secrets == ()
    environment.setenv("CALLBACK_SECRET", "")
    assert load_settings().callback_secrets == ()


def test_callbacks_are_signed_with_each_secret(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CALLBACK_SECRET", f"{SECRET} {SECRET}")
    assert load_settings().callback_secrets == [b"0123456789abcdef0123456789abcdef"] * 2


def test_hosts_that_may_be_called_are_listed_with_commas(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CALLBACK_ALLOWED_HOSTS", "a.example.com, *.example.org,")
    assert load_settings().callback_allowed_hosts == ("a.example.com", "*.example.org")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CALLBACK_SECRET", "do-not-show-me"),
        ("CALLBACK_SECRET", "whsec_do-not-show-me"),
        ("CALLBACK_ALLOWED_HOSTS", "a.example.com,https://do-not-show-me/"),
        ("CALLBACK_ALLOWED_HOSTS", "*"),
    ],
)
def test_callback_settings_that_cannot_be_used_are_named(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    environment.setenv(name, value)
    with pytest.raises(ConfigurationError, match=name) as caught:
        load_settings()
    assert "do-not-show-me" not in str(caught.value)


def test_a_public_address_that_links_cannot_begin_with_is_named(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("PUBLIC_URL", "https://geo.example.org/api?code=do-not-show-me")
    with pytest.raises(ConfigurationError, match="public_url") as caught:
        load_settings()
    assert "do-not-show-me" not in str(caught.value)


def test_an_empty_role_for_reading_is_none(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("POSTGRES_READ_ROLE", "")
    assert load_settings().postgres_read_role is None


def test_a_role_for_reading_that_is_no_plain_name_is_refused(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("POSTGRES_READ_ROLE", "none")
    with pytest.raises(ConfigurationError, match="postgres_read_role"):
        load_settings()
