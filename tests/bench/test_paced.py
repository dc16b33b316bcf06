"""The steady load against a real socket server."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from bench.paced import pace


class Server(socketserver.ThreadingTCPServer):
    """Answers the n-th request, whoever sends it, with `answer(n)`; nothing to say means to close."""

    daemon_threads = True
    answers: tuple[bytes, ...]

    def __init__(self, answers: tuple[bytes, ...]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = answers
        self.shown: list[bytes] = []

    def answer(self, line: bytes) -> bytes:
        self.shown.append(line)
        return self.answers[(len(self.shown) - 1) % len(self.answers)]


class Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        while self.rfile.readline():
            fields = list(iter(self.rfile.readline, b"\r\n"))
            answer = server.answer(fields[-1])
            if not answer:
                return
            for at in range(0, len(answer), 40):  # in pieces, so that heads and bodies are cut anywhere
                self.wfile.write(answer[at : at + 40])


@contextmanager
def serving(*answers: bytes) -> Iterator[Server]:
    with Server(answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


GOOD = b"HTTP/1.1 200 OK\r\nServer: test\r\nContent-Length: 60\r\n\r\n" + b"x" * 60
BAD = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"


def test_every_request_is_sent_and_answered() -> None:
    with serving(GOOD) as server:
        requests, duration, refused, broken, *latencies = pace(
            server.server_address[1], ["X: a", "X: b"], rate=500, seconds=0.1, connections=2
        )
    assert (requests, refused, broken) == (50, 0, 0)
    assert sorted(latencies) == latencies
    assert duration > 0
    assert sorted(server.shown) == [b"X: a\r\n"] * 25 + [b"X: b\r\n"] * 25


def test_answers_that_are_not_200_are_counted() -> None:
    with serving(GOOD, BAD) as server:
        requests, _, refused, broken, *_ = pace(
            server.server_address[1], ["X: a"], rate=500, seconds=0.08, connections=1
        )
    assert (requests, refused, broken) == (40, 20, 0)


def test_a_connection_that_breaks_is_counted_and_replaced() -> None:
    with serving(GOOD, b"") as server:
        requests, _, refused, broken, *_ = pace(
            server.server_address[1], ["X: a"], rate=500, seconds=0.08, connections=1
        )
    assert (requests, refused, broken) == (20, 0, 20)
