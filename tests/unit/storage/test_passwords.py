"""Passwords."""

from __future__ import annotations

from storage.passwords import hash_password, verify_password


def test_only_the_password_is_the_password():
    kept = hash_password("demo")
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert verify_password(kept, "demo")
    assert not verify_password(kept, "Demo")
    assert kept != hash_password("demo")


def test_nobody_has_no_password():
    assert not verify_password(None, "nobody's password")


def test_a_hash_that_is_none_is_wrong_and_no_crash():
    assert not verify_password("plain text", "plain text")
