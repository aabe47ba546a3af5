"""DATA_DIR: private, and one instance's at a time."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from deploy import home
from deploy.errors import LaunchError


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_folder_is_made_for_its_owner_alone(tmp_path):
    home.private_folder(tmp_path / "a" / "b")
    assert mode(tmp_path / "a" / "b") == 0o700


def test_an_empty_folder_that_is_open_to_others_is_closed_to_them(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    home.private_folder(folder)
    assert mode(folder) == 0o700


def test_a_folder_of_other_things_is_refused_and_left_as_it_is(tmp_path):
    """DATA_DIR=/tmp must not lock everybody out of /tmp."""
    tmp_path.chmod(0o755)
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(LaunchError, match="holds other things"):
        home.private_folder(tmp_path)
    assert mode(tmp_path) == 0o755


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "data").touch()
    with pytest.raises(LaunchError, match="DATA_DIR="):
        home.private_folder(tmp_path / "data")


def test_a_second_instance_is_told_who_has_the_folder(tmp_path):
    with (
        home.taken(tmp_path / "data"),
        pytest.raises(LaunchError, match=f"in use by process {os.getpid()}"),
        home.taken(tmp_path / "data"),
    ):
        pass
    with home.taken(tmp_path / "data"):
        assert (tmp_path / "data" / home.LOCK).read_text() == str(os.getpid())


def test_the_secret_is_long_private_and_the_same_at_the_next_start(tmp_path):
    secret = home.jwt_secret(tmp_path)
    assert len(secret) >= 32
    assert mode(tmp_path / home.SECRET) == 0o600
    (tmp_path / home.SECRET).chmod(0o644)
    assert home.jwt_secret(tmp_path) == secret
    assert mode(tmp_path / home.SECRET) == 0o600


def test_a_secret_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / home.SECRET).mkdir()
    with pytest.raises(LaunchError, match=r"jwt\.secret"):
        home.jwt_secret(tmp_path)


def test_sockets_lie_in_the_data_folder(tmp_path):
    with home.sockets(tmp_path) as folder:
        assert folder.is_dir()
        assert mode(folder) == 0o700


def test_sockets_of_a_deep_data_folder_have_a_short_path_that_goes_again(tmp_path):
    """sockaddr_un holds 107 bytes, and the data may lie anywhere."""
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    with home.sockets(deep) as folder:
        assert len(str(folder / "broker-64.ipc")) <= home.LONGEST_SOCKET
        assert mode(folder) == 0o700
    assert not folder.exists()


def test_a_socket_folder_that_somebody_planted_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    planted = tmp_path / "planted"
    planted.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LaunchError, match="belongs to somebody else"):
        home.private_subfolder(planted)


def test_a_port_in_use_is_named(monkeypatch):
    monkeypatch.setattr(home, "PORT_PATIENCE_SECONDS", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LaunchError, match=f"PORT={port} "):
            home.require_port("127.0.0.1", port)
        with pytest.raises(LaunchError, match=f"METRICS_PORT={port} "):
            home.require_port("127.0.0.1", port, "METRICS_PORT")
    home.require_port("127.0.0.1", port)


@pytest.mark.parametrize("host", ["256.256.256.256", "192.0.2.1"])
def test_a_host_that_is_no_address_of_this_machine_is_named_with_the_fix(host):
    with pytest.raises(LaunchError, match=rf"HOST={host} is no address of this machine \(.+\): set 127\.0\.0\.1"):
        home.require_host(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_a_host_of_this_machine_is_taken(host):
    home.require_host(host)
