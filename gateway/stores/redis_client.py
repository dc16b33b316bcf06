"""redis-py, for everything but the verdict path: how it is opened, and what its errors are called here."""

from collections.abc import Awaitable
from typing import TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from gateway.stores.redis_address import RedisAddress
from gateway.stores.redis_connection import UNREACHABLE, RedisFault, error_word

Reply = TypeVar("Reply")


def connect(address: RedisAddress, timeout: float) -> "Redis":
    """Return a client that waits for at most `timeout` seconds and never tries again by itself."""
    return Redis(
        host=address.host,
        port=address.port,
        unix_socket_path=address.path or None,
        db=address.database,
        username=address.username or None,
        password=address.password or None,
        ssl=address.is_tls,
        ssl_ca_certs=address.ca_file,
        ssl_certfile=address.certificate_file,
        ssl_keyfile=address.key_file,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
    )


async def renamed(call: Awaitable[Reply]) -> Reply:
    """Await a call of redis-py and rename what it raises.

    Raises:
        RedisFault: Redis did not answer, or answered with an error.
    """
    try:
        return await call
    except (RedisError, OSError, TimeoutError) as error:
        raise RedisFault(reason_of(error)) from error


def reason_of(error: Exception) -> str:
    """Return the code of an error reply, which redis-py keeps apart from the message where it knows it.

    Before Redis 7 an error inside of a script came as ERR, with the code that counts within the message.
    """
    code = getattr(error, "status_code", None)
    if isinstance(error, ResponseError) and code in (None, "ERR"):
        return error_word(str(error))
    return error_word(str(code)) if code else UNREACHABLE
