"""Operations for tests of the sandbox: what a broken or hostile raster may make of a child."""

import ctypes
import errno
import mmap
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from schema.errors import PermanentTaskError
from services.raster.files import Box
from services.raster.source_pixels import opened

OPERATIONS = {
    name: f"tests.support.child_operations:{name}"
    for name in (
        "environment", "digest", "pixels", "allocate", "hold", "wait", "spin", "crash", "leave",
        "refuse", "stumble", "connect", "fill", "print_much", "spy", "write_elsewhere", "spawn", "report",
        "execute", "nonsense", "local", "peek", "find_full",
    )
}  # fmt: skip


class Text(BaseModel):
    text: str = ""


class Texts(BaseModel):
    texts: dict[str, str] = {}


def environment(request: Text, box: Box) -> Texts:
    return Texts(texts={**os.environ, "CWD": str(Path.cwd())})


def digest(request: Text, box: Box) -> Text:
    """The source as it is read through the opener, in hexadecimal."""
    file = box.source("raster").opener("source-raster")
    return Text(text=file.read(-1).hex())


def pixels(request: Text, box: Box) -> Text:
    with box.source("raster").open() as dataset:
        return Text(text=str(int(dataset.read().sum())))


def peek(request: Text, box: Box) -> Text:
    """One pixel, for which GDAL holds a whole block."""
    with opened(box.source("raster")) as dataset:
        return Text(text=str(int(dataset.read(1, window=((0, 1), (0, 1))).sum())))


def find_full(request: Text, box: Box) -> Text:
    """As on a disk that has no space left."""
    raise OSError(errno.ENOSPC, "no space left")


def allocate(request: Text, box: Box) -> Text:
    return Text(text=str(np.ones(3_000_000_000, dtype="uint8").sum()))


def hold(request: Text, box: Box) -> Text:
    """Memory that no limit of the kernel's counts, as it is shared."""
    shared = mmap.mmap(-1, 1_500_000_000)
    for offset in range(0, len(shared), mmap.PAGESIZE):
        shared[offset] = 1
    threading.Event().wait()
    return Text()


def wait(request: Text, box: Box) -> Text:
    box.progress(0.5)
    threading.Event().wait()
    return Text()


def spin(request: Text, box: Box) -> Text:
    while True:
        pass


def crash(request: Text, box: Box) -> Text:
    ctypes.string_at(0)
    return Text()


def leave(request: Text, box: Box) -> Text:
    os._exit(7)


def refuse(request: Text, box: Box) -> Text:
    raise PermanentTaskError("this raster is refused", "RASTER_REFUSED")


def stumble(request: Text, box: Box) -> Text:
    raise ZeroDivisionError("secret detail")


def connect(request: Text, box: Box) -> Text:
    """Tries to reach the address ``host:port``; says what happened."""
    host, _, port = request.text.partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError as exc:
        return Text(text=type(exc).__name__)
    return Text(text="connected")


def fill(request: Text, box: Box) -> Text:
    """Writes small files without end."""
    for number in range(10**6):
        (box.folder / str(number)).write_bytes(b"x" * 1_000_000)
    return Text()


def print_much(request: Text, box: Box) -> Text:
    for _ in range(20_000):
        sys.stdout.write("x" * 100 + "\n")
    return Text(text="printed")


def spy(request: Text, box: Box) -> Text:
    try:
        return Text(text=Path(f"/proc/{os.getppid()}/environ").read_text())
    except OSError as exc:
        return Text(text=type(exc).__name__)


def write_elsewhere(request: Text, box: Box) -> Text:
    try:
        Path(request.text).write_text("written")
    except OSError as exc:
        return Text(text=type(exc).__name__)
    return Text(text="written")


def execute(request: Text, box: Box) -> Text:
    try:
        return Text(text=subprocess.check_output(["/bin/echo", "executed"]).decode())
    except OSError as exc:
        return Text(text=type(exc).__name__)


def spawn(request: Text, box: Box) -> Text:
    """Leaves a process behind that outlives this one, unless it is ended, too."""
    left = os.fork()
    if left == 0:
        signal.pause()
    return Text(text=str(left))


def report(request: Text, box: Box) -> Text:
    for tenth in range(1, 11):
        box.progress(tenth / 10)
    return Text()


def nonsense(request: Text, box: Box) -> Text:
    """Writes to the parent past the protocol."""
    for descriptor in range(3, 30):
        try:
            os.write(descriptor, b"\xff" * 100)
        except OSError:
            continue
    threading.Event().wait()
    return Text()


def local(request: Text, box: Box) -> Text:
    with box.source("raster").open() as dataset:
        return Text(text=f"{box.source('raster').opener} {dataset.width} {box.size('raster')}")
