"""The keys that open functions: given by settings, or made at random and kept in a private file."""

import hmac
import json
import logging
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from devhost.errors import StartError

_log = logging.getLogger(__name__)

FUNCTION_KEY = "DEVHOST_FUNCTION_KEY"
MASTER_KEY = "DEVHOST_MASTER_KEY"


class Level(StrEnum):
    """Who may call a function."""

    ANONYMOUS = "anonymous"
    FUNCTION = "function"
    ADMIN = "admin"


@dataclass(frozen=True)
class Keys:
    function: str = field(repr=False)
    master: str = field(repr=False)

    def open(self, level: Level, given: str | None) -> bool:
        """Whether the key opens the level; takes the same time whichever key is wrong."""
        if level is Level.ANONYMOUS:
            return True
        key = (given or "").encode()
        is_function = hmac.compare_digest(key, self.function.encode())
        is_master = hmac.compare_digest(key, self.master.encode())
        return is_master or (is_function and level is Level.FUNCTION)


def load_keys(environment: Mapping[str, str], path: Path) -> Keys:
    """Keys from the settings; each that is absent comes from the file, which is made where it is missing."""
    function, master = environment.get(FUNCTION_KEY), environment.get(MASTER_KEY)
    if function and master:
        return Keys(function, master)
    kept = _kept_keys(path)
    return Keys(function or kept.function, master or kept.master)


def _kept_keys(path: Path) -> Keys:
    if not path.exists():
        keys = Keys(secrets.token_urlsafe(32), secrets.token_urlsafe(32))
        _write_private(path, json.dumps({"function": keys.function, "master": keys.master}))
        _log.info("keys made", extra={"path": str(path)})
        return keys
    try:
        kept = json.loads(path.read_text("utf-8"))
        keys = Keys(str(kept["function"]), str(kept["master"]))
    except (OSError, ValueError, KeyError, TypeError):
        raise StartError(f"{path} does not hold two keys; remove it, and new ones are made") from None
    if not keys.function or not keys.master:
        raise StartError(f"{path} holds an empty key; remove it, and new ones are made")
    _log.info("keys read", extra={"path": str(path)})
    return keys


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
