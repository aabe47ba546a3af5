"""DATA_DIR: private, taken by one instance at a time, with the secret and the sockets that live in it."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from deploy.errors import LaunchError

LOCK = "launcher.lock"
SECRET = "jwt.secret"  # noqa: S105 — the file's name
LONGEST_SOCKET = 100  # sockaddr_un takes 107 bytes; `broker-64.ipc` and what libzmq adds must fit too
PORT_PATIENCE_SECONDS = 2.0


def private_folder(path: Path) -> None:
    """Make `path` for its owner alone (0700); raises `LaunchError` if it cannot be, or is somebody else's."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.stat()
        if not os.access(path, os.W_OK | os.X_OK):
            raise LaunchError(f"DATA_DIR={path} cannot be written: choose a folder of your own")
        if stat.S_IMODE(status.st_mode) & 0o077:
            if any(path.iterdir()) and not (path / LOCK).exists():
                raise LaunchError(
                    f"DATA_DIR={path} is open to others and holds other things: choose a folder that is Parley's alone"
                )
            path.chmod(0o700)
    except OSError as error:
        raise LaunchError(f"DATA_DIR={path} cannot be used: {error.strerror}") from error


@contextlib.contextmanager
def taken(data_dir: Path) -> Iterator[None]:
    """Hold DATA_DIR for this process; raises `LaunchError` if another one has it.

    The kernel drops the lock with the process, however it ends, so none is ever stale.
    """
    private_folder(data_dir)
    try:
        lock = os.fdopen(_private(str(data_dir / LOCK), os.O_RDWR | os.O_CREAT), "r+")
    except OSError as error:
        raise LaunchError(f"DATA_DIR={data_dir} cannot be written: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise LaunchError(
                f"DATA_DIR={data_dir} is in use by process {lock.read().strip() or '?'}: "
                "stop it, or set another DATA_DIR"
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def jwt_secret(data_dir: Path) -> str:
    """The secret that signs this instance's tokens: made at the first start, kept with mode 0600."""
    path = data_dir / SECRET
    try:
        if not path.exists():
            fresh = path.with_suffix(".new")
            fresh.unlink(missing_ok=True)
            with open(fresh, "x", opener=_private) as file:
                file.write(secrets.token_urlsafe(48))
                file.flush()
                os.fsync(file.fileno())
            fresh.rename(path)  # whole or not at all: a secret cut short would shut everybody out
        path.chmod(0o600)
        return path.read_text().strip()
    except OSError as error:
        raise LaunchError(f"{path} cannot be used: {error.strerror}") from error


@contextlib.contextmanager
def sockets(data_dir: Path) -> Iterator[Path]:
    """A private folder for the brokers' sockets: DATA_DIR/run, or a short one when that path is too long."""
    folder = data_dir / "run"
    if len(os.fsencode(folder / "broker-64.ipc")) <= LONGEST_SOCKET:
        private_subfolder(folder)
        yield folder
        return
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"parley-{os.getuid()}-{name}"
    private_subfolder(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def private_subfolder(folder: Path) -> None:
    """Make a folder that is ours alone; raises `LaunchError` if somebody else put one there first."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
            raise LaunchError(f"{folder} belongs to somebody else: remove it, or set a shorter DATA_DIR")
        folder.chmod(0o700)
    except OSError as error:
        raise LaunchError(f"{folder} cannot be used: {error.strerror}") from error


def require_host(host: str) -> None:
    """Raises `LaunchError` when nothing can listen on `host` here."""
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.bind(target)
    except OSError as error:
        raise LaunchError(
            f"HOST={host} is no address of this machine ({error.strerror}): set 127.0.0.1 for this machine alone, "
            "0.0.0.0 for all of its addresses, or one that `ip address` lists"
        ) from error


def require_port(host: str, port: int, setting: str = "PORT") -> None:
    """Raises `LaunchError` when `port`, that `setting` led to, cannot be used. One just killed gets a moment to go."""
    deadline = time.monotonic() + PORT_PATIENCE_SECONDS
    family, kind, protocol, _, target = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    while True:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(target)
                probe.listen()
                return
            except OSError as error:
                if time.monotonic() > deadline:
                    raise LaunchError(
                        f"{setting}={port} on {host} cannot be used: {error.strerror}; set another"
                    ) from error
        time.sleep(0.1)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
