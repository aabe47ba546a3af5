"""`python -m workers.scanning.cell`: one process for one file, which can do nothing but look at it.

Its parent hands it open files: the one to be looked at, and those into which pictures are drawn. Before it reads the
first byte it gives up the right to open anything more (files, sockets, pipes), to grow beyond its memory, to write more
than a picture needs, and to run on; so whoever takes a decoder over has a process without hands. It dies with its
parent. What it found goes to its standard output as one line of JSON.
"""

from __future__ import annotations

import codecs
import ctypes
import os
import resource
import signal
import sys
from io import BufferedReader
from typing import BinaryIO

import msgspec
from PIL import Image

from workers.scanning.engines import yara
from workers.scanning.findings import VARIANTS, Finding, Limits, Refused
from workers.scanning.structure import images, ole, ooxml, pdf, sniffing, texts

IMAGES = frozenset(images.FORMATS)
PICTURE_BYTES = 32 * 1024 * 1024
LOADED_LATER = ("cp437", "utf_16", "utf_16_le", "utf_16_be", "latin_1", "cp1252")
"""What Python opens a file for when it meets it first: names in archives and in OLE files, texts."""
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38


class Task(msgspec.Struct, frozen=True):
    """What is asked of a cell: descriptors of the file and the pictures, what the file says it is, how far to go.

    `structure`: look at what it is. `rules`: look for what the rules know.
    """

    file: int
    ending: str
    outputs: tuple[int, ...]
    limits: Limits
    structure: bool = True
    rules: bool = False


def look(task: Task) -> Finding:
    """What there is to say of the file; never raises for what is in it."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with os.fdopen(task.file, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        try:
            found = _look(task, file, size)
        except Refused as refused:
            found = Finding(verdict="rejected", reason=refused.reason, detail=refused.detail)
        except (MemoryError, RecursionError) as fault:
            found = Finding(verdict="rejected", reason="too_hard", detail=type(fault).__name__)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    return msgspec.structs.replace(found, grown_bytes=grown)


def _look(task: Task, file: BufferedReader, size: int) -> Finding:
    image = _structure(task, file, size) if task.structure else None
    if task.rules:
        file.seek(0)
        found = yara.matching(file, size, task.ending, task.limits)
        if found is not None:
            return Finding(verdict="infected", signature=found)
    if image is None:
        return Finding(verdict="clean")
    outputs = {name: os.fdopen(number, "wb") for name, number in zip(VARIANTS, task.outputs, strict=False)}
    width, height = images.draw(image, outputs, task.limits)
    for output in outputs.values():
        output.close()
    return Finding(verdict="clean", width=width, height=height, variants=tuple(outputs))


def _structure(task: Task, file: BinaryIO, size: int) -> Image.Image | None:
    """Raises `Refused` where the file is not what its ending says; the image that it is, if it is one."""
    ending, limits = task.ending, task.limits
    sniffing.check(ending, file.read(sniffing.HEAD_BYTES))
    file.seek(0)
    if ending in IMAGES:
        return images.check(file, size, ending, limits)
    if ending == "pdf":
        pdf.check(file, limits)
    elif ending in ooxml.MAIN:
        ooxml.check(file, size, ending, limits)
    elif ending in ole.MAIN:
        ole.check(file, ending, limits)
    else:
        texts.check(file, limits)
    return None


def confine(limits: Limits) -> None:
    """Give up everything that looking at a file does not need; what is imported and open stays."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    Image.preinit()
    Image.init()
    images.warm()
    for encoding in LOADED_LATER:
        codecs.lookup(encoding)
    os.nice(10)  # people who talk go before files that wait
    # Data, not address space: what is only reserved costs nothing, and the engine of the rules reserves gigabytes.
    data = _data_bytes() + limits.memory_bytes
    seconds = max(1, round(limits.seconds))
    for kind, most in (
        (resource.RLIMIT_DATA, data),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, PICTURE_BYTES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 0),  # what is open stays open; nothing more is opened, no socket either
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(kind, (most, most))


def _data_bytes() -> int:
    """How much data this process has now (proc(5), statm)."""
    with open("/proc/self/statm", "rb") as statm:  # noqa: PTH123 - pathlib is not needed for this
        return int(statm.read().split()[5]) * resource.getpagesize()


def main() -> None:
    """Do what the first argument says."""
    task = msgspec.json.decode(sys.argv[1], type=Task)
    if task.rules:
        yara.compiled()
    confine(task.limits)
    os.write(1, msgspec.json.encode(look(task)))


if __name__ == "__main__":
    main()
