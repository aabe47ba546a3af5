"""Log calls name what happened and to whom: `noun.verb` and ids, never what people write or sign in with."""

from __future__ import annotations

import ast
import re

import pytest

from tests.house.tree import modules

EVENT = re.compile(r"[a-z_]+\.[a-z_]+")
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
SECRET = {
    *("body", "bodies", "text", "subject", "title", "preview", "name", "email", "query"),
    *("token", "secret", "password", "authorization", "cookie", "credentials", "headers", "payload"),
}
NODES = {"node", "broker"}
"""Fields that tell a process of ours, whose name is its id."""
HARMLESS = {"type", "len", "bool"}
"""What makes a harmless value of any: its kind, its length."""


def faults(source: str) -> list[str]:
    """What is wrong with the log calls of a module."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        logger = node.func.value
        if node.func.attr not in LEVELS or not isinstance(logger, ast.Name) or logger.id not in ("log", "logger"):
            continue
        what = ast.unparse(node)
        event = node.args[0] if len(node.args) == 1 else None
        if not isinstance(event, ast.Constant) or not EVENT.fullmatch(str(event.value)):
            found.append(f"{what}: an event is one constant, noun.verb")
        told = [keyword.value for keyword in node.keywords if keyword.arg not in NODES]
        found += [f"{what}: {name} may hold a secret" for value in told for name in secrets(value)]
    return found


def secrets(value: ast.expr) -> list[str]:
    """Variables and attributes in an expression whose names say that a person wrote them."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in HARMLESS:
        return []
    if isinstance(value, ast.Attribute) and value.attr == "__name__":
        return []
    named = value.attr if isinstance(value, ast.Attribute) else value.id if isinstance(value, ast.Name) else ""
    below = [name for child in ast.iter_child_nodes(value) if isinstance(child, ast.expr) for name in secrets(child)]
    return ([named] if named in SECRET else []) + below


def test_every_log_call_tells_ids_and_no_secrets():
    found = [
        f"{module}: {fault}"
        for module, path in modules()
        if not module.startswith(("tests.", "bench."))
        for fault in faults(path.read_text())
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "call",
    [
        "log.info(f'closed {session}')",
        "log.info('Session closed')",
        "log.info('socket.closed', session)",
        "log.warning('frame.bad', body=x.body)",
        "log.warning('frame.bad', what=frame.body[:10])",
        "log.error('api.fault', said=str(token))",
        "log.error('api.fault', who=account.name)",
    ],
)
def test_a_planted_fault_is_found(call: str):
    assert len(faults(call)) == 1


@pytest.mark.parametrize(
    "call",
    [
        "log.info('socket.closed', session=session.id, code=4408)",
        "log.warning('edge.bad_frame', payload=type(payload).__name__)",
        "log.info('broker.unreachable', node=peer.name)",
        "log.exception('append.failed', commands=len(bodies))",
        "math.log.info",
    ],
)
def test_an_ordinary_call_is_left_alone(call: str):
    assert not faults(call)
