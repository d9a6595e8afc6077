"""Finds PostgreSQL with PostGIS on the machine, or installs it."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from tools.packages import Need, as_root, known
from tools.report import ToolError, step
from tools.shell import run

_WANTED = ("postgresql", "postgresql-postgis")
_OLDEST = (14,)  # whose psql reads a password from the environment
_DEBIAN_BINARIES = Path("/usr/lib/postgresql")
_CLUSTER_SETTINGS = Path("/etc/postgresql-common/createcluster.d/geojobs.conf")


def need() -> Need | None:
    """The packages, where no PostgreSQL here has PostGIS."""
    return None if _find() else Need("no PostgreSQL with PostGIS found", _WANTED, _choose)


def postgres_binaries() -> Path:
    """The folder of ``postgres``, ``initdb`` and ``psql``, of the newest PostgreSQL that has PostGIS.

    Raises ``ToolError`` where there is none.
    """
    found = _find()
    if found is None:
        raise ToolError(
            f"no PostgreSQL with PostGIS in {_DEBIAN_BINARIES} or on PATH; ./dev setup installs it"
        )
    return found


def _find() -> Path | None:
    return next((folder for folder in _candidates() if _has_postgis(folder)), None)


def _candidates() -> Iterator[Path]:
    debian = {path: _version(path.parent.name) for path in _DEBIAN_BINARIES.glob("*/bin")}
    for path in sorted(debian, key=lambda path: debian[path], reverse=True):
        if debian[path] >= _OLDEST:
            yield path
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent


def _has_postgis(binaries: Path) -> bool:
    if not all(os.access(binaries / name, os.X_OK) for name in ("postgres", "initdb", "psql")):
        return False
    debian = Path("/usr/share/postgresql") / binaries.parent.name
    if (debian / "extension" / "postgis.control").exists():
        return True
    if not os.access(binaries / "pg_config", os.X_OK):
        return False
    shared = Path(run([binaries / "pg_config", "--sharedir"], seconds=30).strip())
    return (shared / "extension" / "postgis.control").exists()


def _choose() -> tuple[str, ...]:
    names = package_names()
    _forbid_cluster()
    return names


def package_names() -> tuple[str, ...]:
    """What apt calls PostgreSQL and PostGIS here."""
    if known("postgresql-postgis"):
        return _WANTED
    # Where that name is unknown each version of PostGIS is named after its PostgreSQL.
    listed = run(["apt-cache", "search", "--names-only", "^postgresql-[0-9]+-postgis-3$"], seconds=60)
    versions = re.findall(r"^postgresql-(\d+)-postgis-3\b", listed, flags=re.MULTILINE)
    if not versions:
        raise ToolError("apt knows no package of PostgreSQL with PostGIS")
    newest = max(versions, key=int)
    return (f"postgresql-{newest}", f"postgresql-{newest}-postgis-3")


def _forbid_cluster() -> None:
    """Keep Debian's package from making and starting a cluster of its own: nothing here would use it.

    Where PostgreSQL's common package is already installed its owner has decided, and nothing is changed.
    """
    if _CLUSTER_SETTINGS.exists() or Path("/usr/bin/pg_createcluster").exists():
        return
    step(f"writing {_CLUSTER_SETTINGS}, so that no other database is started")
    prefix = as_root()
    run([*prefix, "mkdir", "-p", _CLUSTER_SETTINGS.parent], seconds=60)
    run([*prefix, "tee", _CLUSTER_SETTINGS], seconds=60, text_in="create_main_cluster = false\n")


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text))
