"""Listening sockets: what is bound, and what is said when it cannot be."""

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.errors import ConfigurationError, StartError
from gateway.serve.sockets import LocalSocket, bind_local, bind_tcp
from gateway.settings.addresses import Address


@pytest.fixture
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("s") / "run" / "admin.sock"


@pytest.fixture
def local(path: Path) -> Iterator[LocalSocket]:
    bound = bind_local(path, name="admin.socket")
    yield bound
    bound.close()


def close(sockets: list[socket.socket]) -> None:
    for one in sockets:
        one.close()


def port_of(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def test_port_0_lets_the_system_choose_and_nobody_is_heard_before_the_server_listens() -> None:
    (listener,) = bind_tcp(Address("127.0.0.1", 0), name="listen")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port_of(listener)), timeout=5)
    listener.listen()
    with socket.create_connection(("127.0.0.1", port_of(listener)), timeout=5):
        listener.setblocking(True)
        accepted, _ = listener.accept()
        accepted.close()
    listener.close()


def test_localhost_listens_on_one_port_for_every_family() -> None:
    bound = bind_tcp(Address("localhost", 0), name="listen")
    assert len({port_of(listener) for listener in bound}) == 1
    close(bound)


def test_ipv6_is_bound_without_ipv4() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        (listener,) = bind_tcp(Address("::1", 0), name="listen")
    except ConfigurationError:
        pytest.skip("no IPv6 loopback here")
    assert listener.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1
    listener.close()


def test_a_port_in_use_is_named_with_its_setting() -> None:
    (listener,) = bind_tcp(Address("127.0.0.1", 0), name="listen")
    listener.listen()
    port = port_of(listener)
    with pytest.raises(StartError, match=rf"^admin\.listen: port {port} on 127\.0\.0\.1 is in use") as caught:
        bind_tcp(Address("127.0.0.1", port), name="admin.listen")
    assert caught.value.exit_code == 78
    listener.close()


def test_a_shared_port_can_be_bound_twice_but_not_beside_one_that_is_not_shared() -> None:
    (first,) = bind_tcp(Address("127.0.0.1", 0), name="listen", is_shared=True)
    address = Address("127.0.0.1", port_of(first))
    (second,) = bind_tcp(address, name="listen", is_shared=True)
    first.listen()
    with pytest.raises(StartError, match="in use"):
        bind_tcp(address, name="listen")
    close([first, second])


@pytest.mark.parametrize(
    ("number", "exit_code", "words"),
    [
        ("EACCES", 78, "needs a privilege"),
        ("EADDRNOTAVAIL", 78, "this machine has no address 192.0.2.1"),
        ("ENOBUFS", 1, "cannot listen on 192.0.2.1:80"),
    ],
)
def test_other_failures_are_explained(monkeypatch: pytest.MonkeyPatch, number: str, exit_code: int, words: str) -> None:
    import errno

    def refuse(_self: socket.socket, _address: object) -> None:
        code = getattr(errno, number)
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(StartError, match=words) as caught:
        bind_tcp(Address("192.0.2.1", 80), name="listen")
    assert caught.value.exit_code == exit_code


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"has no address 192\.0\.2\.1"):
        bind_tcp(Address("192.0.2.1", 0), name="listen")


def test_a_host_that_does_not_resolve_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(ConfigurationError, match="listen: localhost cannot be resolved"):
        bind_tcp(Address("localhost", 0), name="listen")


def test_a_unix_socket_and_its_folder_belong_to_the_user_alone(local: LocalSocket, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_unix_socket_that_somebody_answers_on_is_not_taken(local: LocalSocket, path: Path) -> None:
    with pytest.raises(StartError, match=r"^admin\.socket: another process answers on"):
        bind_local(path, name="admin.socket")
    assert path.exists()


def test_a_file_that_a_dead_process_left_behind_is_replaced(path: Path) -> None:
    bind_local(path, name="admin.socket").listener.close()
    assert path.exists()
    again = bind_local(path, name="admin.socket")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    again.close()


def test_the_file_goes_with_the_socket(local: LocalSocket, path: Path) -> None:
    local.close()
    assert not path.exists()
    local.close()


def test_the_file_of_a_successor_stays(local: LocalSocket, path: Path) -> None:
    path.rename(path.with_suffix(".old"))
    path.write_text("the successor's")
    local.close()
    assert path.exists()


def test_what_is_no_socket_is_never_deleted(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("precious")
    with pytest.raises(ConfigurationError, match="exists and is not a socket"):
        bind_local(path, name="admin.socket")
    assert path.read_text() == "precious"


def test_a_path_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="may have 107 bytes"):
        bind_local(tmp_path / ("x" * 120), name="admin.socket")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="cannot listen on"):
        bind_local(tmp_path / "file" / "s", name="admin.socket")
