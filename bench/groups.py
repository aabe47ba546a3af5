"""The people of a load run: accounts of a host application in groups, and the conversations that they have."""

from __future__ import annotations

import argparse
import asyncio
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

import aiohttp

from bench.http import Api, ApiError
from bench.tokens import mint

CREATING_AT_ONCE = 8
TOKEN_SECONDS = 86_400.0


class SetupError(Exception):
    """The load cannot begin; the message says what to do."""


def add_server(parser: argparse.ArgumentParser) -> None:
    """The options that say where the server is and how to make tokens for it."""
    parser.add_argument("--url", action="append", help="of an edge; may be given several times")
    parser.add_argument("--data-dir", type=Path, default=Path(".parley"), help="of the instance")
    parser.add_argument("--secret-file", type=Path, help="default: $AUTH_JWT_SECRET, else DATA_DIR/jwt.secret")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")


def urls(given: argparse.Namespace, env: Mapping[str, str]) -> list[str]:
    """The edges to speak to."""
    return given.url or [f"http://127.0.0.1:{env.get('PORT', '8000')}"]


def secret(given: argparse.Namespace, env: Mapping[str, str]) -> str:
    """The key that the server checks host tokens with; raises SetupError."""
    if given.secret_file is None and env.get("AUTH_JWT_SECRET"):
        return env["AUTH_JWT_SECRET"]
    path: Path = given.secret_file or given.data_dir / "jwt.secret"
    try:
        return path.read_text().strip()
    except OSError as fault:
        raise SetupError(f"No secret: {fault}. Set AUTH_JWT_SECRET or give --secret-file or --data-dir.") from None


def people(users: int, group: int) -> list[list[str]]:
    """Ids of new accounts in groups; the first of each group is its agent."""
    accounts = [str(uuid.uuid4()) for _ in range(users)]
    return [accounts[at : at + group] for at in range(0, users, group)]


def token(key: str, account: str, *, first: bool) -> str:
    """A host token for a load account; the first of each group is an agent."""
    mail = f"load-{account[:13]}@load.example"
    role = "agent" if first else "client"
    return mint(key, account, name=f"Load {account[:8]}", email=mail, role=role, seconds=TOKEN_SECONDS)


async def create(url: str, key: str, groups: Sequence[Sequence[str]], each: int = 1) -> list[str]:
    """`each` conversations for each group, group by group; the agents start them. Raises SetupError."""
    gate = asyncio.Semaphore(CREATING_AT_ONCE)

    async def one(api: Api, number: int, accounts: Sequence[str]) -> str:
        async with gate:
            made = await api.create(f"Load {number}", accounts[1:])
            if made["head"] != 1:
                raise SetupError(f"A new conversation should stand at 1, not {made['head']}.")
            return str(made["id"])

    apis = [Api(url, token(key, accounts[0], first=True)) for accounts in groups]
    try:
        pairs = [(api, accounts) for api, accounts in zip(apis, groups, strict=True) for _ in range(each)]
        made = [one(api, number, accounts) for number, (api, accounts) in enumerate(pairs)]
        return list(await asyncio.gather(*made))
    except ApiError as fault:
        raise SetupError(f"Conversations cannot be created: {fault}") from None
    except (aiohttp.ClientError, OSError, TimeoutError) as fault:
        raise SetupError(f"No answer from {url}: {fault}. Is it running (make run)?") from None
    finally:
        for api in apis:
            await api.close()
