"""What asyncpg and the operating system raise, and what it is called here."""

import asyncpg

from gateway.errors import Unavailable

FOREIGN = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
"""Everything that a call of asyncpg may raise."""

TRANSIENT = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
"""Two transactions got into each other's way; the same work may be tried again at once."""

BUSY = "The database has too much to do."
SLOW = "The database did not answer in time."
CLOSED = "The database is closed."
FAILED = "The database cannot be read or written."

_SENTENCES: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    ((asyncpg.LockNotAvailableError,), "The database is locked by somebody else."),
    ((asyncpg.QueryCanceledError, TimeoutError), SLOW),
    ((asyncpg.ReadOnlySQLTransactionError,), "The database takes no writes just now."),
    ((asyncpg.TooManyConnectionsError,), "The database takes no more connections."),
    (
        (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError),
        "A pooler such as PgBouncer shares the database's connections: set stores.postgres.statement_cache to off.",
    ),
    ((asyncpg.UndefinedTableError,), "The database has no tables of Crossfade: run crossfade migrate up."),
)
_STILL_GOOD = (
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.DataError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    *TRANSIENT,
)


def rename(error: Exception, unavailable: type[Unavailable]) -> Unavailable:
    """Return the error of ours for one of `FOREIGN`; nothing of its text, which may quote values, is taken over."""
    sentence = next((sentence for kinds, sentence in _SENTENCES if isinstance(error, kinds)), FAILED)
    return unavailable(sentence)


def leaves_connection_good(error: BaseException) -> bool:
    """Say whether a connection can be used again after an error and a ROLLBACK.

    Where that is not certain it is closed: after a failover an old connection may lead to a server that only reads.
    """
    return not isinstance(error, FOREIGN) or isinstance(error, _STILL_GOOD)
