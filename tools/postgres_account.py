"""Who runs PostgreSQL, and where it may keep its data."""

import hashlib
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from tools.paths import ROOT
from tools.profiles import Profile
from tools.report import ToolError

_SHARED_HOME = Path("/var/lib/postgresql")


@dataclass(frozen=True)
class Account:
    """PostgreSQL refuses root, so root hands it to the user ``postgres``: then ``switch`` is true."""

    uid: int
    gid: int
    switch: bool

    @property
    def user(self) -> int | None:
        return self.uid if self.switch else None

    @property
    def group(self) -> int | None:
        return self.gid if self.switch else None

    def give(self, path: Path) -> None:
        if self.switch:
            os.chown(path, self.uid, self.gid)


def account() -> Account:
    """Raises ``ToolError`` where root has nobody to hand the server to."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), switch=False)
    try:
        entry = pwd.getpwnam("postgres")
    except KeyError:
        raise ToolError(
            "PostgreSQL refuses to run as root, and there is no user postgres to run it"
        ) from None
    return Account(entry.pw_uid, entry.pw_gid, switch=True)


def data_folder(profile: Profile, owner: Account) -> Path:
    """In the checkout, or in PostgreSQL's own home where its user may not enter the checkout."""
    if not owner.switch or can_reach(profile.folder, owner):
        return profile.folder / "postgres"
    checkout = hashlib.sha256(str(ROOT).encode()).hexdigest()[:12]
    return _SHARED_HOME / f"geojobs-{checkout}-{profile.name}"


def can_reach(folder: Path, owner: Account) -> bool:
    """Whether that user may pass through the folder and every one above it."""
    return all(_may_enter(place.stat(), owner) for place in (folder, *folder.parents))


def _may_enter(facts: os.stat_result, owner: Account) -> bool:
    if facts.st_uid == owner.uid:
        return bool(facts.st_mode & stat.S_IXUSR)
    if facts.st_gid == owner.gid:
        return bool(facts.st_mode & stat.S_IXGRP)
    return bool(facts.st_mode & stat.S_IXOTH)
