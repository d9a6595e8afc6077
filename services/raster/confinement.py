"""What a child gives up before it looks at a stranger's file: memory, time, network, other files.

Limits hold everywhere. Namespaces, Landlock and no-new-privileges are a second line where the kernel has
them, and are silently left out where it has not.
"""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

from schema.sandbox_messages import ChildLimits

_OPEN_FILES = 256
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
# Landlock has the same call numbers on all architectures.
_CREATE_RULESET = 444
_ADD_RULE = 445
_RESTRICT_SELF = 446
_VERSION = 1  # the flag that asks for it
_PATH_BENEATH = 1
_O_PATH = 0o10000000
# Rights of its first version: execute, write file, read file, read folder, remove and make what a folder
# holds. Truncation came with version 3, TCP with 4, signals and abstract sockets with 6.
_ALL_RIGHTS = 0x1FFF
_READING = 0x0C  # files and folders; to execute is for nobody
_TRUNCATE = 1 << 14
_TCP = 0x3
_SCOPES = 0x3

_libc = ctypes.CDLL(None, use_errno=True)


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def confine(limits: ChildLimits, folder: Path, parent: int) -> None:
    """Bind this process, and end it where its parent is gone already."""
    for kind, most in (
        (resource.RLIMIT_DATA, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (allowed, hard if kind == resource.RLIMIT_CPU else allowed))
    if _libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0:
        _libc.unshare(_CLONE_NEWNET)
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _restrict_files(folder)
    # After all that changes credentials, which would undo it.
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _restrict_files(folder: Path) -> None:
    """Write nowhere but in the folder; read nothing but what Python and its packages are made of."""
    version: int = _libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)
    if version < 1:
        return
    rights = _ALL_RIGHTS | (_TRUNCATE if version >= 3 else 0)  # noqa: PLR2004 -- Landlock's versions
    rules = _Ruleset(
        rights,
        _TCP if version >= 4 else 0,  # noqa: PLR2004 -- as above
        _SCOPES if version >= 6 else 0,  # noqa: PLR2004 -- as above
    )
    size = ctypes.c_size_t(ctypes.sizeof(rules))
    ruleset: int = _libc.syscall(_CREATE_RULESET, ctypes.byref(rules), size, 0)
    if ruleset < 0:
        return
    try:
        _allow(ruleset, [folder], rights)
        _allow(ruleset, _needed(), rights & _READING)
        _libc.syscall(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _needed() -> Iterable[Path]:
    """Where Python, its packages, shared libraries and their data lie; the app's own code is on the path."""
    system = ("/usr", "/lib", "/lib64", "/opt", "/etc/ssl", "/etc/ld.so.cache", "/etc/localtime")
    known = (*system, *sys.path, sys.prefix, sys.base_prefix, "/dev/urandom", "/dev/null", "/proc/self")
    return (Path(path) for path in known if path)


def _allow(ruleset: int, paths: Iterable[Path], rights: int) -> None:
    for path in paths:
        try:
            opened = os.open(path, _O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        # A rule for a file may only name the rights that a file has.
        allowed = rights if path.is_dir() else rights & 0x07
        rule = _Beneath(allowed, opened)
        _libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
        os.close(opened)
