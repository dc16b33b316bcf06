"""Bodies that are sent and counted without being looked at."""

import socket
import threading

import pytest

from bench.bulk import PIECE, Taker, send_body


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("size", [0, 1, PIECE, PIECE + 1, 16 * PIECE, 40 * PIECE + 5])
def test_what_is_sent_is_what_is_counted_and_the_next_head_is_behind_it(size: int, chunked: bool) -> None:
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % size
    head = b"HTTP/1.1 200 OK\r\n%b\r\n\r\n" % framing
    ours, theirs = socket.socketpair()

    def send() -> None:
        with theirs:
            for _ in range(2):
                theirs.sendall(head)
                send_body(theirs, size, chunked=chunked)

    sender = threading.Thread(target=send)
    sender.start()
    with ours:
        ours.settimeout(10)
        taker = Taker(ours)
        for _ in range(2):
            read = taker.take_head()
            assert read == head.lower()[:-4]
            assert taker.take_body(read) == size
        assert taker.take_head() == b""
    sender.join()


@pytest.mark.parametrize("body", [b"12345", b"5\r\n123"])
def test_a_body_that_is_cut_short_is_an_error(body: bytes) -> None:
    framing = b"transfer-encoding: chunked" if b"\r" in body else b"content-length: 6"
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(body)
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(ConnectionError):
            Taker(ours).take_body(b"http/1.1 200 ok\r\n" + framing)
