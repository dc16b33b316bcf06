"""`run_gateway` from a configuration file to an exit code, in this very process."""

import http.server
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from gateway.errors import ConfigurationError, StartError
from gateway.serve.process import run_gateway

PATIENCE = 15.0


class App(http.server.BaseHTTPRequestHandler):
    """The application: says which path it was asked for."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.path.encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def app() -> Iterator[int]:
    """The port of a running application."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), App)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Place:
    """A folder with a configuration, and what a client does while it is served."""

    def __init__(self, folder: Path, app: int) -> None:
        self.folder = folder
        self.config = folder / "gateway.yaml"
        self.port, self.admin_port, self.metrics_port = free_port(), free_port(), free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.admin = f"http://127.0.0.1:{self.admin_port}"
        self.app = app
        self.write()

    def write(self, *, routes: str = "[{ path: /*, auth: optional }]", extra: str = "") -> None:
        self.config.write_text(
            f"""
listen: 127.0.0.1:{self.port}
public_url: https://www.example.com
admin: {{ listen: 127.0.0.1:{self.admin_port} }}
metrics: {{ listen: 127.0.0.1:{self.metrics_port} }}
upstreams: {{ app: {{ url: http://127.0.0.1:{self.app} }} }}
drain: {{ delay: 0s, timeout: 2s }}
routes: {routes}
{extra}"""
        )

    def serve(self, client: Callable[[], None], environ: Mapping[str, str] | None = None) -> int:
        """Serve here, with a client in a thread; SIGTERM when the client is done."""
        failures: list[BaseException] = []
        is_over = threading.Event()

        def visit() -> None:
            try:
                wait_until(lambda: is_over.is_set() or is_answered(f"{self.base}/"))
                client()
            except BaseException as error:
                failures.append(error)
            finally:
                if not is_over.is_set():
                    os.kill(os.getpid(), signal.SIGTERM)

        thread = threading.Thread(target=visit)
        thread.start()
        try:
            return run_gateway(str(self.config), environ=environ or {})
        finally:
            is_over.set()
            thread.join(PATIENCE)
            if failures:
                raise failures[0]


def get(url: str) -> httpx.Response:
    return httpx.get(url, trust_env=False, timeout=PATIENCE)


def is_answered(url: str) -> bool:
    try:
        get(url)
    except httpx.TransportError:
        return False
    return True


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def place(tmp_path: Path, app: int) -> Place:
    return Place(tmp_path, app)


def test_requests_go_to_the_application_and_the_end_is_0(place: Place) -> None:
    def client() -> None:
        assert get(f"{place.base}/hello?x=1").text == "/hello?x=1"
        assert get(f"{place.admin}/readyz").json()["status"] == "ready"
        for port in (place.admin_port, place.metrics_port):
            metrics = get(f"http://127.0.0.1:{port}/metrics").text
            assert 'crossfade_migration_phase{phase="parallel"} 1.0' in metrics
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(place.folder / "run/admin.sock"))) as local:
            assert local.get("http://localhost/phase").json()["phase"] == "parallel"

    assert place.serve(client) == 0
    assert not (place.folder / "run/admin.sock").exists()
    assert (place.folder / "run/last-good.json").exists()


def test_sighup_takes_over_new_routes_and_refuses_a_broken_file(place: Place) -> None:
    def client() -> None:
        assert get(f"{place.base}/private").status_code == 200
        place.write(routes="[{ path: /private, auth: required }, { path: /*, auth: optional }]")
        os.kill(os.getpid(), signal.SIGHUP)
        wait_until(lambda: get(f"{place.base}/private").status_code == 401)
        place.write(routes="[{ path: /private, auth: sometimes }]")
        os.kill(os.getpid(), signal.SIGHUP)
        successful = "\ncrossfade_config_last_reload_successful"
        wait_until(lambda: f"{successful} 0.0" in get(f"{place.admin}/metrics").text)
        assert get(f"{place.base}/private").status_code == 401

    assert place.serve(client) == 0


def test_with_tokens_switched_off_a_broken_configuration_still_carries_requests(place: Place) -> None:
    place.write(extra="sessions: [{ name: main, format: nonsense }]\nkeys: [{ file: missing.pem }]\n")

    def client() -> None:
        assert get(f"{place.base}/hello").text == "/hello"
        assert get(f"{place.admin}/readyz").json()["status"] == "ready"
        assert 'crossfade_migration_phase{phase="off"} 1.0' in get(f"{place.admin}/metrics").text

    assert place.serve(client, {"ENABLE_JWT_AUTH": "false"}) == 0
    assert not (place.folder / "run/crossfade.db").exists()


def test_with_tokens_switched_off_the_admin_port_is_not_needed(place: Place) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", place.admin_port))
        squatter.listen()
        assert place.serve(lambda: None, {"ENABLE_JWT_AUTH": "off"}) == 0


def test_otherwise_an_admin_port_in_use_stops_the_start(place: Place) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", place.admin_port))
        squatter.listen()
        with pytest.raises(StartError, match=r"admin\.listen: port \d+ on 127\.0\.0\.1 is in use"):
            run_gateway(str(place.config), environ={})
    assert not (place.folder / "run/admin.sock").exists()


def test_a_faulty_configuration_never_starts(place: Place) -> None:
    place.write(extra="colour: blue\n")
    with pytest.raises(ConfigurationError, match="colour"):
        run_gateway(str(place.config), environ={})


def test_a_key_that_cannot_be_used_never_starts_and_frees_the_ports(place: Place) -> None:
    """CVE-2026-27586, CVE-2026-54762: what is missing is never taken for nothing to check."""
    place.write(extra="keys: [{ file: missing.pem }]\n")
    with pytest.raises(ConfigurationError):
        run_gateway(str(place.config), environ={})
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", place.admin_port))


def test_an_unknown_log_level_is_a_fault_of_the_configuration(place: Place) -> None:
    with pytest.raises(ConfigurationError, match="LOG_LEVEL"):
        run_gateway(str(place.config), environ={"LOG_LEVEL": "loud"})


def test_the_way_back_starts_with_an_unknown_log_level(place: Place) -> None:
    assert place.serve(lambda: None, {"ENABLE_JWT_AUTH": "false", "LOG_LEVEL": "loud"}) == 0


def test_two_gateways_with_stores_of_their_own_never_share_a_port(place: Place) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", int(place.base.rpartition(":")[2])))
        other.listen()
        with pytest.raises(ConfigurationError, match=r"listen: port \d+ on 127\.0\.0\.1 is in use"):
            run_gateway(str(place.config), environ={})
