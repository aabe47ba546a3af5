"""What counts as an e-mail address of somebody who signs in here."""

from __future__ import annotations

import pytest

from storage.accounts import checked_address
from storage.errors import BadAddress


@pytest.mark.parametrize(
    "email",
    ["a@b", "clara@parley.example", "Clara.Jensen+work@mail.parley.example", "o'hara@xn--bcher-kva.example", "1@2.3"],
)
def test_what_a_browser_takes_is_an_address(email):
    assert checked_address(email) == email


@pytest.mark.parametrize(
    "email",
    ["", "clara", "@", "a@", "@b", "a@b@c", "a b@c", " a@b", "a@b ", "a@b\n", "a\0@b", "Clara <a@b>", "a@b..c", "a@-b",
     "a@b-", "a@b_c", "a@.b", "ä@b", "a@bücher", '"a b"@c', "a" * 250 + "@b.cd"],
)  # fmt: skip
def test_what_it_does_not_take_is_none(email):
    with pytest.raises(BadAddress) as fault:
        checked_address(email)
    assert fault.value.field == "email"
