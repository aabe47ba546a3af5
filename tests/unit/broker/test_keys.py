"""Keys as files: made once, for their owner's eyes, and never written over."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from broker.keys import main
from broker.link.curve import KeyFault, allowed_keys, public_key, secret_pair
from broker.link.sockets import AddressError, check_address


def test_a_pair_is_made_of_which_only_the_owner_reads_the_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = tmp_path / "keys"
    assert main(["broker", str(folder)]) == 0
    assert "broker.key_secret stays here" in capsys.readouterr().out
    public, secret = secret_pair(folder, "broker")
    assert public_key(folder / "broker.key") == public != secret
    assert stat.S_IMODE((folder / "broker.key_secret").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert b"secret-key" not in (folder / "broker.key").read_bytes()


def test_no_key_is_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["node", str(tmp_path)]) == 0
    before = secret_pair(tmp_path, "node")
    assert main(["node", str(tmp_path)]) == 1
    assert "is there already: nothing was changed" in capsys.readouterr().err
    assert secret_pair(tmp_path, "node") == before


def test_who_is_allowed_is_known_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    main(["node", str(tmp_path / "theirs")])
    theirs = str(tmp_path / "theirs" / "node.key")
    assert main(["allow", str(tmp_path), "edges-1", theirs]) == 0
    assert allowed_keys(tmp_path) == {public_key(Path(theirs)): "edges-1"}
    assert main(["allow", str(tmp_path), "edges-1", theirs]) == 1
    assert "Remove it to let another key have the name" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", "../broker", ".hidden"])
def test_what_is_no_name_is_refused(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]):
    main(["node", str(tmp_path)])
    assert main(["allow", str(tmp_path), name, str(tmp_path / "node.key")]) == 1
    assert "is no name" in capsys.readouterr().err
    assert not (tmp_path / "allowed").exists()


def test_what_is_no_key_is_not_allowed(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "some.key").write_text("hello")
    assert main(["allow", str(tmp_path), "edges-1", str(tmp_path / "some.key")]) == 1
    assert "it holds no key" in capsys.readouterr().err
    assert main(["allow", str(tmp_path), "edges-1", str(tmp_path / "missing.key")]) == 1
    assert "there is no such file" in capsys.readouterr().err


def test_a_secret_that_others_may_read_is_not_used(tmp_path: Path):
    main(["node", str(tmp_path)])
    (tmp_path / "node.key_secret").chmod(0o640)
    with pytest.raises(KeyFault, match="can be read by others"):
        secret_pair(tmp_path, "node")


def test_a_public_key_is_no_secret_one(tmp_path: Path):
    main(["node", str(tmp_path)])
    (tmp_path / "broker.key_secret").write_bytes((tmp_path / "node.key").read_bytes())
    with pytest.raises(KeyFault, match="holds no secret key"):
        secret_pair(tmp_path, "broker")


@pytest.mark.parametrize("address", ["tcp://192.0.2.1:5555", "tcp://*:5555", "tcp://example.org:5555"])
def test_tcp_beyond_this_machine_needs_keys(tmp_path: Path, address: str):
    check_address(address, tmp_path)
    with pytest.raises(AddressError, match="BROKER_KEYS"):
        check_address(address)
