"""Who may write: all, none, staff, and a share of clients that only ever grows with its percentage."""

from __future__ import annotations

from uuid import NAMESPACE_URL, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.switch import Switch, place

ACCOUNTS = st.uuids().map(str)
PERCENTAGES = st.integers(0, 100)


@given(account=ACCOUNTS, lower=PERCENTAGES, higher=PERCENTAGES)
def test_raising_the_percentage_throws_nobody_out(account: str, lower: int, higher: int):
    lower, higher = sorted((lower, higher))
    if Switch(True, lower).is_on(account, "client"):
        assert Switch(True, higher).is_on(account, "client")


@given(account=ACCOUNTS, percentage=PERCENTAGES, role=st.sampled_from(["agent", "admin"]))
def test_staff_are_inside_at_any_percentage(account: str, percentage: int, role: str):
    assert Switch(True, percentage).is_on(account, role)


@given(account=ACCOUNTS, percentage=PERCENTAGES, role=st.sampled_from(["client", "agent", "admin"]))
def test_switched_off_is_off_for_everybody(account: str, percentage: int, role: str):
    assert not Switch(False, percentage).is_on(account, role)


@given(account=ACCOUNTS)
def test_nought_is_no_client_and_a_hundred_is_every_client(account: str):
    assert not Switch(True, 0).is_on(account, "client")
    assert Switch(True, 100).is_on(account, "client")


@pytest.mark.parametrize("percentage", [1, 20, 50, 99])
def test_the_share_is_what_the_percentage_says(percentage: int):
    clients = [str(uuid5(NAMESPACE_URL, str(number))) for number in range(10_000)]
    inside = sum(Switch(True, percentage).is_on(client, "client") for client in clients)
    assert inside == pytest.approx(percentage * 100, abs=150)


def test_a_place_is_what_the_host_computes_too():
    """`echo -n ID | sha256sum`, the number mod 100: written down, since it must never change."""
    assert place("00000000-0000-4000-8000-000000000000") == 52
    assert place("9a1f0c52-7a11-4a3b-8f6e-0d2f5e7c1b22") == 54
