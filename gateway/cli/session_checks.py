"""The check of `doctor` that looks into the places of sessions and users, as the gateway does for a request."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence

from gateway.cli.outcome import Outcome, finding, ok, unreachable
from gateway.codec import Entry, Lookup, Query
from gateway.errors import ConfigurationError
from gateway.settings.schema import Settings
from gateway.settings.schema.sessions import (
    CodecSession,
    ColumnSession,
    DjangoSession,
    ExpressSession,
    FlaskSession,
    LaravelSession,
    RailsSession,
    SpringSession,
)
from gateway.stores.sessions import PlaceUnavailable
from gateway.stores.sessions_explain import REASONS
from gateway.wiring.entries import find_prefix
from gateway.wiring.events import open_events, sessions_with_events
from gateway.wiring.mint import open_mint
from gateway.wiring.places import open_place

_NOBODY = "crossfade-doctor"
"""A key that no session has: a table that answers that it has no such row is one that can be read."""


def check_places(settings: Settings, environ: Mapping[str, str]) -> Iterator[Outcome]:
    """Each place of sessions and users answers, and has the tables and columns that are asked for."""
    for session in settings.sessions:
        queries = list(_queries(session)) if isinstance(session, CodecSession) else []
        if not isinstance(session, CodecSession) or not queries:
            continue
        name = f"sessions.{session.name}.place"
        try:
            problem = asyncio.run(_find_problem(session, queries, environ))
        except ConfigurationError as error:
            yield finding(name, str(error))
            continue
        yield unreachable(name, problem) if problem else ok(name, f"it has {_named(queries)}")


def check_mints(settings: Settings, environ: Mapping[str, str]) -> Iterator[Outcome]:
    """Sessions are made where one can follow another, in a place that answers and lets nobody's record be deleted."""
    for session in settings.sessions:
        if session.mint is None or not isinstance(session, CodecSession):
            continue
        if _ends_unseen(session):
            yield finding(
                f"sessions.{session.name}.bridge",
                "No made session will follow another here: that one came to the end of its time cannot be told from a "
                "logout, or never happens. Tokens end with their session, as with `bridge: vault`.",
            )
        if session.mint.place is None:
            continue
        name = f"sessions.{session.name}.mint.place"
        try:
            may_delete = asyncio.run(_may_delete(session, environ))
        except ConfigurationError as error:
            yield finding(name, str(error))
            continue
        if may_delete:
            yield ok(name, "a session can be deleted there; whether one can be added shows with the first")
        else:
            yield unreachable(name, "It is away, has no such table, or its user may not delete sessions there.")


def _ends_unseen(session: CodecSession) -> bool:
    """Whether nobody can see that a session came to its end by time: what lapses in Redis is gone, as at a logout."""
    if isinstance(session, RailsSession) and session.store == "authentication":
        return True
    is_endless = isinstance(session, ExpressSession) and session.place.kind == "cookie"
    return is_endless or session.place.kind in {"redis", "file"}


async def _may_delete(session: CodecSession, environ: Mapping[str, str]) -> bool:
    mint = open_mint(session, environ)
    try:
        return await mint.destroy(_NOBODY)
    finally:
        await mint.aclose()


async def _find_problem(session: CodecSession, queries: Sequence[Query], environ: Mapping[str, str]) -> str:
    place = open_place(session, session.place, environ)
    try:
        for query in queries:
            try:
                await place.fetch(query)
            except PlaceUnavailable as error:
                return f"{_named([query])} cannot be read. {REASONS[error.reason]}"
    finally:
        await place.aclose()
    return ""


def _named(queries: Sequence[Query]) -> str:
    names = [query.table if isinstance(query, Lookup) else f"entries like {query.prefix}…" for query in queries]
    return " and ".join(dict.fromkeys(names))


def _queries(session: CodecSession) -> Iterator[Query]:
    """Yield what a request would ask for, with a key that nobody has."""
    prefix = find_prefix(session)
    record = _rows_of(session) if session.place.has_rows else None if prefix is None else Entry(prefix, _NOBODY)
    if record is not None:
        yield record
    users = session.users
    if users is not None and users.table is not None:
        columns = dict.fromkeys([users.key, users.active, users.subject, *users.claims.values()])
        yield Lookup(users.table, users.key, _NOBODY, tuple(filter(None, columns)))
    if isinstance(session, RailsSession) and session.options.binding is not None:
        devise = session.options.binding
        yield Lookup(devise.table, devise.key, _NOBODY, (devise.password,))
    if isinstance(session, DjangoSession) and session.binding is not None:
        binding = session.binding
        yield Lookup(binding.table, binding.key, _NOBODY, tuple(filter(None, (binding.password, binding.active))))


def _rows_of(session: CodecSession) -> Query | None:
    match session:
        case DjangoSession():
            return Lookup(session.options.table, "session_key", _NOBODY, ("session_data", "expire_date"))
        case FlaskSession():
            return Lookup(session.options.table, "session_id", _NOBODY, ("data", "expiry"))
        case ExpressSession():
            return Lookup(session.options.table, "sid", _NOBODY, ("sess", "expire"))
        case LaravelSession():
            return Lookup(session.options.table, "id", _NOBODY, ("payload", "last_activity"))
        case RailsSession(store="authentication"):
            columns = (session.user or "user_id", *session.claims.values())
            return Lookup(session.options.table, "id", _NOBODY, columns)
        case RailsSession():
            return Lookup(session.options.table, "session_id", _NOBODY, ("data",))
        case SpringSession():
            return Lookup(session.options.table, "session_id", _NOBODY, ("principal_name", "expiry_time"))
        case ColumnSession():
            options = session.options
            columns = tuple(filter(None, (options.expires, session.user, *session.claims.values())))
            return Lookup(options.table, options.key, _NOBODY, columns)
    return None


def check_events(settings: Settings, environ: Mapping[str, str]) -> Iterator[Outcome]:
    """Each Redis that is listened to lets us, and sends events."""
    for session in sessions_with_events(settings):
        name = f"sessions.{session.name}.place.redis.events"
        try:
            hearing = asyncio.run(_examine_events(session, environ))
        except ConfigurationError as error:
            yield finding(name, str(error))
            continue
        if hearing == "on":
            yield ok(name, "it tells of removed sessions")
        elif hearing == "off":
            yield finding(name, "the server sends no keyspace events; set notify-keyspace-events to Egx there.")
        else:
            sentence = "the server cannot be reached, or does not let us subscribe; grant +subscribe and &__keyevent@*"
            yield unreachable(name, f"{sentence}.")


async def _examine_events(session: CodecSession, environ: Mapping[str, str]) -> str:
    events = open_events(session, environ, lambda _: None)
    try:
        return str(await events.examine())
    finally:
        await events.close()
