"""Logs: one JSON object a line on stderr; an event's name and ids, never a body, a token or a password.

What libraries say by the standard library's `logging` (uvicorn, psycopg, asyncio) becomes the same lines. Tracebacks
are told by files, lines and functions alone: the values of variables are what people wrote, and what they sign in
with.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, BinaryIO

import orjson
import structlog

MESSAGE_CHARACTERS = 300
FRAMES = 50
CAUSES = 5
_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def configure_logs(process: str) -> None:
    """Set up structlog and the standard library's logging alike, for the process named."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _tell_fault,
            structlog.processors.JSONRenderer(serializer=_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.BytesLoggerFactory(
            Patient(sys.stderr.buffer)  # type: ignore[arg-type]  # `write` and `flush` are all that it calls
        ),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process, pid=os.getpid())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(process))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(True)


class Patient:
    """A stream that swallows what its file does not take: a disk full of logs is no reason to stop serving."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, line: bytes) -> None:
        """Write, or lose the line."""
        with contextlib.suppress(OSError):
            self._file.write(line)

    def flush(self) -> None:
        """Bring it to the file, now or with a later line."""
        with contextlib.suppress(OSError):
            self._file.flush()


class JsonLines(logging.Formatter):
    """A record of the standard library as the line that structlog would write; `extra` becomes fields."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._always = {"process": process, "pid": os.getpid()}

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "event": record.getMessage()[:MESSAGE_CHARACTERS].strip(),
            "logger": record.name,
            **{name: value for name, value in vars(record).items() if name not in _PLAIN},
            **self._always,
            "level": record.levelname.lower(),
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = told(record.exc_info[1])
        stamped = structlog.processors.TimeStamper(fmt="iso", utc=True)(None, "", line)
        return _json(stamped).decode()


def told(fault: BaseException) -> list[dict[str, Any]]:
    """An exception and what caused it, the outermost first: its kind, its message, where it came by.

    A database's own message quotes the values that it refused, so of one only the SQLSTATE is told.
    """
    chain: list[dict[str, Any]] = []
    at: BaseException | None = fault
    while at is not None and len(chain) < CAUSES:
        trace, frames = at.__traceback__, []
        while trace is not None:
            code = trace.tb_frame.f_code
            frames.append(f"{code.co_filename}:{trace.tb_lineno} {code.co_qualname}")
            trace = trace.tb_next
        state = getattr(at, "sqlstate", None)
        lines = (f"SQLSTATE {state}" if state else str(at)).splitlines()
        message = lines[0][:MESSAGE_CHARACTERS] if lines else ""
        chain.append({"type": type(at).__qualname__, "message": message, "frames": frames[-FRAMES:]})
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)
    return chain


def log_loop_faults(loop: asyncio.AbstractEventLoop) -> None:
    """Have the loop tell of callbacks that failed as we do: asyncio's own handler shows what they were called with."""

    def handle(loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
        fault = context.get("exception")
        structlog.get_logger().error(
            "loop.fault", what=str(context.get("message"))[:MESSAGE_CHARACTERS], exc_info=fault
        )

    loop.set_exception_handler(handle)


def _tell_fault(logger: object, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog's processor: `exc_info` (an exception, or true for the one being handled) becomes `exception`."""
    given = line.pop("exc_info", None)
    fault = given if isinstance(given, BaseException) else sys.exc_info()[1] if given else None
    if fault is not None:
        line["exception"] = told(fault)
    return line


def _json(line: object, default: object = None) -> bytes:
    """The line as JSON whatever is in it: a log that raises would hide what it was to tell."""
    try:
        return orjson.dumps(line, default=_kind, option=orjson.OPT_NON_STR_KEYS)
    except orjson.JSONEncodeError:  # a lone surrogate, a number beyond 64 bits
        return json.dumps(line, default=_kind).encode()


def _kind(value: object) -> str:
    return f"<{type(value).__qualname__}>"
