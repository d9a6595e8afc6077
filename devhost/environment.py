"""The app's settings: ``local.settings.json`` under the environment, and names that stand for settings."""

import json
import os
import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from devhost.errors import StartError

_REFERENCE = re.compile(r"%([^%\s]+)%")
_THREADS = "PYTHON_THREADPOOL_THREAD_COUNT"


class _LocalHost(BaseModel):
    model_config = ConfigDict(extra="ignore")

    port: Annotated[int | None, Field(alias="LocalHttpPort", ge=1, le=65535)] = None


class LocalSettings(BaseModel):
    """``local.settings.json``: ``Values`` for the environment, ``Host`` for the host itself."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    encrypted: Annotated[bool, Field(alias="IsEncrypted")] = False
    values: Annotated[dict[str, str], Field(alias="Values", repr=False)] = {}
    host: Annotated[_LocalHost, Field(alias="Host")] = _LocalHost()


def load_local_settings(path: Path) -> LocalSettings:
    """Read the file, if there is one; raises ``StartError``, which never shows a value."""
    if not path.exists():
        return LocalSettings()
    try:
        settings = LocalSettings.model_validate(json.loads(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as exc:
        raise StartError(f"{path.name} could not be read: {type(exc).__name__}") from None
    except ValidationError as exc:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in error['loc'])}: {error['msg']}"
            for error in exc.errors(include_url=False, include_context=False, include_input=False)
        )
        raise StartError(f"{path.name} is not valid: {faults}") from None
    if settings.encrypted:
        raise StartError(f"{path.name} is encrypted; decrypt it with 'func settings decrypt'")
    return settings


def apply_values(settings: LocalSettings, environment: MutableMapping[str, str]) -> None:
    """Add the file's values to the environment; what is set there already wins."""
    for name, value in settings.values.items():
        environment.setdefault(name, value)


def resolve_references(text: str, environment: Mapping[str, str]) -> str:
    """Replace each ``%NAME%`` by the setting of that name; raises ``StartError`` where there is none."""

    def value_of(match: re.Match[str]) -> str:
        try:
            return environment[match[1]]
        except KeyError:
            raise StartError(f"{text!r} refers to the setting {match[1]!r}, which is not set") from None

    return _REFERENCE.sub(value_of, text)


def worker_threads(environment: Mapping[str, str]) -> int:
    """How many functions run at once, as the Python worker decides it; raises ``StartError``."""
    text = environment.get(_THREADS)
    if text is None:
        return min(32, (os.cpu_count() or 1) + 4)
    if not text.isdecimal() or not 1 <= int(text) <= 1024:  # noqa: PLR2004 -- more is a mistake
        raise StartError(f"{_THREADS} must be a whole number from 1 to 1024")
    return int(text)
