"""The demo's event stream and WebSocket."""

import json

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.demo.running import Demo


def test_the_event_stream_counts_the_seconds(demo: Demo) -> None:
    with demo.signed_in() as browser, browser.stream("GET", "/events/") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        assert [next(lines), next(lines)] == ["event: tick", "id: 0"]
        tick = json.loads(next(lines).removeprefix("data: "))
        assert (tick["number"], tick["user"]) == (0, "ada")


def socket(demo: Demo, path: str, cookie: str | None, origin: str | None = None) -> ClientConnection:
    headers = {} if cookie is None else {"Cookie": f"theme=dark; sessionid={cookie}"}
    url = demo.url.replace("http:", "ws:") + path
    return connect(url, additional_headers=headers, origin=origin, proxy=None)  # type: ignore[arg-type]


@pytest.fixture
def cookie(demo: Demo) -> str:
    with demo.signed_in() as browser:
        return browser.cookies["sessionid"]


@pytest.mark.parametrize("message", ["Hello?", b"\x00\xff", ""])
def test_the_websocket_sends_back_what_it_gets(demo: Demo, cookie: str, message: str | bytes) -> None:
    with socket(demo, "/ws/echo", cookie) as connection:
        connection.send(message)
        assert connection.recv(timeout=10) == message


@pytest.mark.parametrize("cookie", [None, "0123456789abcdef0123456789abcdef", '"'])
def test_it_refuses_who_is_not_signed_in(demo: Demo, cookie: str | None) -> None:
    with pytest.raises(InvalidStatus, match="403"), socket(demo, "/ws/echo", cookie):
        pass


def test_it_refuses_pages_of_other_sites(demo: Demo, cookie: str) -> None:
    with (
        pytest.raises(InvalidStatus, match="403"),
        socket(demo, "/ws/echo", cookie, origin="https://elsewhere.example"),
    ):
        pass
    with socket(demo, "/ws/echo", cookie, origin=demo.url):
        pass


def test_there_is_one_websocket_only(demo: Demo, cookie: str) -> None:
    with pytest.raises(InvalidStatus, match="403"), socket(demo, "/ws/other", cookie):
        pass


def test_a_stopped_demo_leaves_at_once_although_a_stream_is_open(tmp_path_factory: pytest.TempPathFactory) -> None:
    demo = Demo(tmp_path_factory.mktemp("stopped"))
    with demo.signed_in() as browser, browser.stream("GET", "/events/") as stream:
        lines = stream.iter_lines()
        next(lines)
        with socket(demo, "/ws/echo", browser.cookies["sessionid"]):
            assert demo.stop() == 0
        assert all(not line.startswith("Traceback") for line in lines), "the stream ends as a complete response"
    assert not [line for line in demo.log if "ERROR" in line]
    with pytest.raises(httpx.ConnectError):
        httpx.get(demo.url, trust_env=False)
