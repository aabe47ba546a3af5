"""Settings from the environment: one frozen struct per package, checked at start, unknown names refused."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

S = TypeVar("S", bound=msgspec.Struct)
LAST_PORT = 65_535


class SettingError(ValueError):
    """A setting has a value that cannot be used; the message names it, its fault and the fix."""


def load(kind: type[S], env: Mapping[str, str], prefix: str, shared: frozenset[str] = frozenset()) -> S:
    """The settings that `env` holds: field `x` of `kind` is `PREFIX_X`, or `X` when it is one of `shared`.

    Empty values count as unset (that is what `NAME= make run` means). Raises `SettingError` for a value that does not
    convert or fit, and for a name with our prefix that is no setting, with the nearest that is.
    """
    names = {field: field.upper() if field in shared else prefix + field.upper() for field in kind.__struct_fields__}
    known = frozenset(names.values())
    for name in sorted(env):
        if name.startswith(prefix) and name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
            meant = f": did you mean {near[0]}?" if near else "."
            raise SettingError(f"{name} is not a setting of Parley{meant} Correct it or unset it.")
    given = {field: env[name] for field, name in names.items() if env.get(name, "") != ""}
    for field in sorted(given):
        _check_type(kind, field, given[field], names[field])
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as fault:
        raise SettingError(f"A setting cannot be used: {fault}. See docs/settings.md.") from None


def port_fault(name: str, port: int | None) -> str | None:
    """Why a setting cannot be a port; None if it can, is 0 (a switch that is off) or not given."""
    return None if port is None or 0 <= port <= LAST_PORT else f"{name} must be between 0 and {LAST_PORT}"


def check(
    kind: type[S],
    prefix: str,
    shared: frozenset[str] = frozenset(),
    then: Callable[[S], object] = lambda settings: None,
) -> None:
    """`python -m PACKAGE.settings`: look at the environment; a fault ends the process with its line and status 1.

    The launcher asks so, before it touches anything, whether all its processes will be able to start. `then` looks
    further, at files that settings name; it raises `SettingError` too.
    """
    try:
        then(load(kind, os.environ, prefix, shared))
    except SettingError as fault:
        sys.exit(str(fault))


def _check_type(kind: type[msgspec.Struct], field: str, value: str, name: str) -> None:
    wanted = next(f for f in msgspec.structs.fields(kind) if f.name == field).type
    try:
        msgspec.convert(value, wanted, strict=False)
    except msgspec.ValidationError as fault:
        shown = "(hidden)" if "secret" in field or "url" in field else repr(value)
        raise SettingError(f"{name}={shown} cannot be used: {fault}. See docs/settings.md.") from None
