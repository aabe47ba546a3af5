"""Who the users of a load test are, and which conversations they have with whom.

Users take seats as they start; so many neighbouring seats are a group, which shares its conversations. Groups never
span processes: each generator process of a distributed Locust seats its own.
"""

from __future__ import annotations

import csv
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gevent.event import AsyncResult

from bench.green.api import GreenApi, Record
from bench.groups import SetupError, token
from bench.http import Id

EARLY_SECONDS = 60.0


class Identity(Protocol):
    """An account as a user of the load test is signed in."""

    @property
    def account(self) -> Id:
        """Its id; signs in if that is not known yet."""

    def token(self) -> str:
        """A token that is valid now. Raises ApiError or OSError."""


class Guest:
    """An account of the host application, vouched for by a token of our own making; valid for a day."""

    def __init__(self, key: str, *, staff: bool) -> None:
        self.account: Id = str(uuid.uuid4())
        self._token = token(key, self.account, first=staff)

    def token(self) -> str:
        """As made at the start."""
        return self._token


class Resident:
    """An account that signs in at Parley, with e-mail and password."""

    def __init__(self, api: GreenApi, email: str, password: str) -> None:
        self._api = api
        self._email = email
        self._password = password
        self._account: Id = ""
        self._token = ""
        self._ends_at = 0.0

    @property
    def account(self) -> Id:
        """Its id; signs in if that is not known yet."""
        if not self._account:
            self.token()
        return self._account

    def token(self) -> str:
        """The access token, a new one when it ends soon."""
        if time.monotonic() > self._ends_at - EARLY_SECONDS:
            session = self._api.login(self._email, self._password)
            self._account, self._token = session["account"]["id"], session["access_token"]
            self._ends_at = time.monotonic() + float(session["expires_in"])
        return self._token


def residents(path: Path, hosts: Sequence[str], record: Record) -> list[Resident]:
    """The accounts of a file with a line `email,password` for each. Raises SetupError."""
    try:
        with path.open(newline="") as file:
            lines = [line for line in csv.reader(file) if line]
        return [
            Resident(GreenApi(hosts[number % len(hosts)], record), email.strip(), password)
            for number, (email, password) in enumerate(lines)
        ]
    except (OSError, ValueError) as fault:
        raise SetupError(f"{path} is no file of accounts, a line `email,password` for each: {fault}") from None


@dataclass(eq=False)
class Group:
    """Neighbours and their conversations.

    `made` holds these once the first user who came has started them, `filled` the epoch once what its users are to
    be behind has been said.
    """

    number: int
    people: list[Identity]
    begun: bool = False
    filling: bool = False
    made: AsyncResult = field(default_factory=AsyncResult)
    filled: AsyncResult = field(default_factory=AsyncResult)


@dataclass(eq=False)
class Seat:
    """A user's place: the `index`-th of its group, connecting to `url`."""

    number: int
    index: int
    url: str
    group: Group

    @property
    def who(self) -> Identity:
        """The account of this seat."""
        return self.group.people[self.index]


class Seats:
    """Groups of `size` with `each` conversations; accounts from `known`, else new ones that `key` vouches for."""

    def __init__(
        self, hosts: Sequence[str], size: int, each: int, *, key: str, known: Sequence[Resident], record: Record
    ) -> None:
        self._hosts = hosts
        self._size = size
        self._each = each
        self._key = key
        self._known = known
        self._record = record
        self._groups: dict[int, Group] = {}
        self._free: list[int] = []
        self._taken = 0

    def take(self) -> Seat:
        """The next seat, or one that was given back. Raises SetupError when the accounts are used up."""
        if self._free:
            number = self._free.pop(0)
        else:
            number, self._taken = self._taken, self._taken + 1
        at, index = divmod(number, self._size)
        if at not in self._groups:
            self._groups[at] = Group(at, self._people(at))
        return Seat(number, index, self._hosts[number % len(self._hosts)], self._groups[at])

    def give_back(self, seat: Seat) -> None:
        """The seat's user stopped."""
        self._free.append(seat.number)

    def _people(self, at: int) -> list[Identity]:
        if not self._known:
            return [Guest(self._key, staff=index == 0) for index in range(self._size)]
        found: list[Identity] = list(self._known[at * self._size : (at + 1) * self._size])
        if len(found) < self._size:
            raise SetupError(f"The file of accounts has {len(self._known)}; group {at + 1} needs {self._size} more.")
        return found

    def conversations(self, seat: Seat) -> list[Id]:
        """The group's conversations, which its first user starts (and must be allowed to: an agent) and others await.

        Raises ApiError or OSError as whoever starts them met it.
        """
        group = seat.group
        if not group.begun:
            group.begun = True
            self._begin(seat)
        made: list[Id] = group.made.get()
        return made

    def _begin(self, seat: Seat) -> None:
        group, api = seat.group, GreenApi(seat.url, self._record)
        try:
            founder, *others = group.people
            members = [one.account for one in others]
            subjects = [f"Load {group.number}-{number}" for number in range(self._each)]
            group.made.set([api.create(founder.token(), subject, members)["id"] for subject in subjects])
        except Exception as fault:
            group.made.set_exception(fault)
