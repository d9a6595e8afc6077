"""The settings of the app, read from the environment once."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, DirectoryPath, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from schema.access import AuthMode
from schema.callback_urls import AllowedHosts
from schema.callbacks import signing_secrets
from schema.errors import ConfigurationError
from schema.log_format import LogFormat, LogLevel
from schema.public_urls import base_address
from schema.read_role import read_role


class PostgresAuth(StrEnum):
    PASSWORD = "password"  # noqa: S105 -- the name of a method, not a secret
    ENTRA = "entra"


_STORAGE = "AzureWebJobsStorage"


class Settings(BaseSettings):
    """One frozen value for the whole app; each field is an environment variable of the same name."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", case_sensitive=False)

    storage_connection_string: SecretStr | None = Field(None, validation_alias=_STORAGE)
    storage_queue_uri: str | None = Field(None, validation_alias=f"{_STORAGE}__queueServiceUri")
    storage_blob_uri: str | None = Field(None, validation_alias=f"{_STORAGE}__blobServiceUri")
    storage_client_id: str | None = Field(None, validation_alias=f"{_STORAGE}__clientId")

    postgres_host: str = "localhost"
    postgres_port: Annotated[int, Field(ge=1, le=65535)] = 5432
    postgres_db: str = "geojobs"
    postgres_user: str = "geojobs"
    postgres_password: SecretStr | None = None
    postgres_auth: PostgresAuth = PostgresAuth.PASSWORD
    postgres_sslmode: str = "require"
    postgres_pgbouncer: bool = False
    postgres_pool_size: Annotated[int, Field(ge=1, le=100)] = 8
    postgres_statement_timeout_seconds: Annotated[float, Field(gt=0)] = 60.0
    postgres_read_role: Annotated[str | None, AfterValidator(read_role)] = None

    auth_mode: AuthMode = AuthMode.KEYS
    allow_schema_reset: bool = False
    read_containers: Annotated[tuple[str, ...], NoDecode] = ("bronze", "silver", "gold")
    silver_container: str = "silver"
    payload_container: str = "geojobs-payloads"
    alert_callback_url: SecretStr | None = None
    callback_secret: SecretStr | None = None
    callback_allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    retention_days: Annotated[float, Field(gt=0)] = 30.0
    unclaimed_after_seconds: Annotated[float, Field(gt=0)] = 300.0
    public_url: Annotated[str | None, AfterValidator(base_address)] = None
    development_job_types: bool = False
    max_body_bytes: Annotated[int, Field(ge=1024)] = 1024 * 1024
    raster_processes: Annotated[int, Field(ge=1, le=16)] = 2
    raster_temp_folder: DirectoryPath | None = None
    outbox_send_concurrency: Annotated[int, Field(ge=1, le=64)] = 16

    log_format: LogFormat = LogFormat.JSON
    log_level: LogLevel | None = None
    applicationinsights_connection_string: SecretStr | None = None
    otel_exporter_otlp_endpoint: str | None = None
    otel_exporter_otlp_traces_endpoint: str | None = None
    otel_sdk_disabled: bool = False

    website_instance_id: str = ""
    website_pod_name: str = ""
    website_site_name: str = ""
    website_auth_enabled: bool = False
    container_app_name: str = ""

    @property
    def deployed_as(self) -> str:
        """What the platform calls this instance; empty on a laptop."""
        return (
            self.website_instance_id
            or self.website_pod_name
            or self.website_site_name
            or self.container_app_name
        )

    @property
    def insights(self) -> str | None:
        """The connection string of Application Insights, where traces go there."""
        secret = self.applicationinsights_connection_string
        return (secret.get_secret_value() or None) if secret and not self.otel_sdk_disabled else None

    @property
    def traces_by_otlp(self) -> bool:
        endpoint = self.otel_exporter_otlp_traces_endpoint or self.otel_exporter_otlp_endpoint
        return bool(endpoint) and not self.otel_sdk_disabled

    @model_validator(mode="before")
    @classmethod
    def _split_lists(cls, values: dict[str, object]) -> dict[str, object]:
        for name in ("read_containers", "callback_allowed_hosts"):
            listed = values.get(name)
            if isinstance(listed, str):
                values[name] = tuple(part.strip() for part in listed.split(",") if part.strip())
        return values

    @property
    def callback_secrets(self) -> Sequence[bytes]:
        """The keys that callbacks are signed with; none where there are no callbacks."""
        secret = self.callback_secret
        return signing_secrets(secret.get_secret_value()) if secret and secret.get_secret_value() else ()

    @model_validator(mode="after")
    def _callbacks_fit(self) -> "Settings":
        try:
            _ = self.callback_secrets
        except ValueError as exc:
            raise ValueError(f"CALLBACK_SECRET cannot be used: {exc}") from None
        try:
            AllowedHosts(self.callback_allowed_hosts)
        except ValueError:
            raise ValueError(
                "CALLBACK_ALLOWED_HOSTS must list hosts such as hooks.example.com, *.example.com or "
                "hooks.example.com:8443, with commas between"
            ) from None
        return self

    @model_validator(mode="after")
    def _fits_together(self) -> "Settings":
        if self.auth_mode is AuthMode.ANONYMOUS and self.deployed_as:
            raise ValueError("AUTH_MODE=anonymous is for a laptop; here the app is deployed")
        if self.auth_mode is AuthMode.ENTRA and not self.website_auth_enabled:
            raise ValueError(
                "AUTH_MODE=entra believes what the platform's authentication says of callers, and here it is "
                "switched off (WEBSITE_AUTH_ENABLED)"
            )
        if not self.storage_connection_string and not (self.storage_queue_uri and self.storage_blob_uri):
            raise ValueError(
                f"{_STORAGE} (a connection string), or {_STORAGE}__queueServiceUri and "
                f"{_STORAGE}__blobServiceUri, must be set"
            )
        if self.postgres_auth is PostgresAuth.PASSWORD and self.postgres_password is None:
            raise ValueError("POSTGRES_PASSWORD must be set where POSTGRES_AUTH is password")
        return self


def load_settings() -> Settings:
    """Read the environment; raises ``ConfigurationError`` that names each setting and never shows a value."""
    try:
        return Settings()  # pyright: ignore[reportCallIssue] -- the environment gives what is required
    except ValidationError as exc:
        listed = "; ".join(
            f"{'.'.join(str(part) for part in error['loc']) or 'settings'}: {error['msg']}"
            for error in exc.errors(include_input=False, include_url=False, include_context=False)
        )
        raise ConfigurationError(f"the settings are not usable: {listed}") from None
