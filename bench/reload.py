"""Reading doubtful conversations anew over HTTP, after a `resync`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

import aiohttp

from bench.backoff import full_jitter
from bench.fold import Event, Folds, Id
from bench.http import Api, ApiError

RELOAD_EVENTS = 200


async def reload(
    api: Api,
    folds: Folds,
    conversation: Id | None,
    *,
    emit: Callable[[Event], None],
    done: Callable[[Id], None],
    fault: Callable[[Exception], None],
    random: Random,
) -> None:
    """Restart the fold of `conversation` (None: all in doubt) from its newest events, trying until it works.

    `emit` hears what is visible then, in order; `done` each conversation whose live stream goes on. One that the
    account may not see is forgotten. The folds' epoch changes when none of them is in doubt any more.
    """
    attempt = 0
    while True:
        doubtful = [one for one, fold in folds.items() if fold.stale] if conversation is None else [conversation]
        try:
            for one in doubtful:
                epoch = await _restart(api, folds, one, emit)
                folds.settle(epoch)
                if epoch is not None:
                    done(one)
            return
        except (ApiError, aiohttp.ClientError, OSError, TimeoutError) as trouble:
            fault(trouble)
            await asyncio.sleep(full_jitter(attempt, random))
            attempt += 1


async def _restart(api: Api, folds: Folds, conversation: Id, emit: Callable[[Event], None]) -> str | None:
    """The epoch that the fold now counts in; None when the conversation is not for us."""
    try:
        details = await api.conversation(conversation)
        head = details["head"]
        page = await api.events(conversation, before=head + 1, limit=RELOAD_EVENTS)
    except ApiError as refused:
        if refused.status not in (403, 404):
            raise
        folds.forget(conversation)
        return None
    for event in folds[conversation].restart(page["items"], head, folds.account):
        emit(event)
    folds[conversation].shown(details, folds.account)
    return str(page["epoch"])
