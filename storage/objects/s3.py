"""The object store in a bucket: Amazon S3, or what speaks like it (MinIO, Ceph, …), by `obstore`.

A bucket itself shows an object whole or not at all, and confirms it when it is kept; large ones go in parts, which the
bucket joins at the end or, given up, forgets by its lifecycle rule.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import S3Store

from storage.objects.contract import CHUNK, Found, NoObject, StoreUnavailable, checked

if TYPE_CHECKING:
    from collections.abc import Iterator

PART_BYTES = 5 * 1024 * 1024
"""The least that S3 takes as a part."""
ATTEMPTS = 3
PATIENCE = timedelta(seconds=30)
OPTIONS = frozenset({"endpoint", "region", "path_style"})


class Bucket:
    """Objects below `prefix` of a bucket."""

    def __init__(self, store: S3Store, prefix: str) -> None:
        self._store = store
        self._prefix = prefix

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> int:
        path, size = self._path(key), 0
        with _translated():
            # One part of memory for each upload; what is smaller goes as a whole.
            first = bytearray()
            async for chunk in chunks:
                first += chunk
                if len(first) >= PART_BYTES:
                    break
            else:
                await obstore.put_async(self._store, path, bytes(first), use_multipart=False)
                return len(first)

            broken: list[BaseException] = []

            async def all_of_it() -> AsyncIterator[bytes]:
                nonlocal size
                size = len(first)
                yield bytes(first)
                try:
                    async for chunk in chunks:
                        size += len(chunk)
                        yield chunk
                except BaseException as fault:
                    broken.append(fault)  # which would come out as an error of the store
                    raise

            try:
                await obstore.put_async(self._store, path, all_of_it(), chunk_size=PART_BYTES, max_concurrency=1)
            except BaseError:
                if broken:
                    raise broken[0] from None
                raise
        return size

    async def get(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        path = self._path(key)
        whole = await self.size(key)
        if whole is None:
            raise NoObject("there is nothing under this key")
        end = whole if end is None else min(end, whole)
        while start < end:
            upto = min(end, start + 4 * CHUNK)
            with _translated():
                chunk = await obstore.get_range_async(self._store, path, start=start, end=upto)
            yield bytes(chunk)
            start = upto

    async def size(self, key: str) -> int | None:
        path = self._path(key)
        try:
            with _translated():
                return int((await obstore.head_async(self._store, path))["size"])
        except NoObject:
            return None

    async def delete(self, keys: Collection[str]) -> None:
        for path in [self._path(key) for key in keys]:
            try:
                with _translated():
                    await obstore.delete_async(self._store, path)
            except NoObject:
                continue

    async def list(self, prefix: str) -> AsyncIterator[Found]:
        with _translated():
            async for batch in obstore.list(self._store, self._path(prefix)):
                for one in batch:
                    key = one["path"].removeprefix(self._prefix)
                    yield Found(key, one["size"], one["last_modified"])

    async def sweep(self, older: float) -> int:
        return 0  # a bucket's lifecycle rule for unfinished parts does that

    def _path(self, key: str) -> str:
        return self._prefix + checked(key)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (NotFoundError, FileNotFoundError):
        raise NoObject("there is nothing under this key") from None
    except (BaseError, OSError) as fault:
        raise StoreUnavailable(str(fault).splitlines()[0]) from fault


def opened(url: str) -> Bucket:
    """The store of `s3://bucket/prefix?endpoint=…&region=…&path_style=true`; raises `ValueError`.

    Who we are is in the environment, as of every program that uses S3: `AWS_ACCESS_KEY_ID` and its kin, or the
    machine's role.
    """
    parts = urlsplit(url)
    options = {name: values[-1] for name, values in parse_qs(parts.query, strict_parsing=bool(parts.query)).items()}
    if parts.scheme != "s3" or not parts.hostname or options.keys() - OPTIONS:
        raise ValueError("write s3://BUCKET/PREFIX?endpoint=https://…&region=…&path_style=true")
    endpoint = options.get("endpoint")
    store = S3Store(
        parts.netloc,
        endpoint=endpoint,
        region=options.get("region", "us-east-1"),
        virtual_hosted_style_request=options.get("path_style", "false") != "true",
        client_options={"allow_http": bool(endpoint and endpoint.startswith("http://")), "timeout": PATIENCE},
        retry_config={"max_retries": ATTEMPTS, "retry_timeout": PATIENCE},
    )
    prefix = parts.path.strip("/")
    return Bucket(store, f"{prefix}/" if prefix else "")
