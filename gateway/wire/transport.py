"""The one guard around transports: nothing here raises, whatever became of the other side."""

import asyncio
import select
import struct
from socket import SO_LINGER, SOL_SOCKET

HIGH_WATER = 256 * 1024
LOW_WATER = 64 * 1024
"""Bytes in a write buffer at which writing pauses and goes on. The low mark of uvloop is 16 bytes by default, which
would let the other side run dry before it is asked for more.
"""
_RESET = struct.pack("ii", 1, 0)


def set_buffer_limits(transport: asyncio.Transport) -> None:
    """Set when writing pauses and goes on."""
    transport.set_write_buffer_limits(high=HIGH_WATER, low=LOW_WATER)


def is_tls(transport: asyncio.Transport | None) -> bool:
    """Whether the stream is encrypted; one direction of it cannot be ended alone then."""
    return transport is not None and transport.get_extra_info("sslcontext") is not None


def write(transport: asyncio.Transport | None, data: bytes) -> None:
    """Write unless the connection is gone or going."""
    if transport is not None and data and not transport.is_closing():
        transport.write(data)


def has_news(transport: asyncio.Transport) -> bool:
    """Whether bytes or an end have arrived that the loop has not told of yet."""
    connection = transport.get_extra_info("socket")
    if connection is None or connection.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def pause_reading(transport: asyncio.Transport | None) -> None:
    """Stop taking bytes from the other side."""
    if transport is not None and not transport.is_closing():
        transport.pause_reading()


def resume_reading(transport: asyncio.Transport | None) -> None:
    """Take bytes again. Never call it after the other side has ended: reading again is undefined there."""
    if transport is not None and not transport.is_closing():
        transport.resume_reading()


def end_writing(transport: asyncio.Transport) -> None:
    """Send what is buffered and then the end of the stream; where that is impossible (TLS), close."""
    if transport.is_closing():
        return
    if transport.can_write_eof():
        try:
            transport.write_eof()
        except OSError:  # asyncio's own loop ends the stream at once, and the peer was faster
            transport.abort()
    else:
        transport.close()


def reset(transport: asyncio.Transport | None) -> None:
    """Close so that the other side sees an error, not an orderly end (RFC 9112 section 8)."""
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        try:
            connection.setsockopt(SOL_SOCKET, SO_LINGER, _RESET)
        except OSError:
            pass  # the peer was faster
    transport.abort()


def report(error: BaseException) -> None:
    """Tell the loop's exception handler of a bug that ended one exchange, and go on."""
    asyncio.get_running_loop().call_exception_handler(
        {"message": "an exchange ended with an unexpected error", "exception": error}
    )
