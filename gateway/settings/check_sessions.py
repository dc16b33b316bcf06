"""Checks of the legacy sessions."""

import re
from collections.abc import Iterator

from gateway.codec import REGISTERED_CLAIMS
from gateway.settings.check_rules import unknown_upstream
from gateway.settings.faults import Finding
from gateway.settings.schema.root import Settings
from gateway.settings.schema.sessions import DjangoSession, FlaskSession, WhoamiSession


def sessions_belong_somewhere(settings: Settings) -> Iterator[Finding]:
    """Each session names an application that exists."""
    for index, session in enumerate(settings.sessions):
        if session.upstream is not None and session.upstream not in settings.upstreams:
            yield unknown_upstream(("sessions", index, "upstream"), session.upstream, settings)


def names_and_cookies_differ(settings: Settings) -> Iterator[Finding]:
    """A cookie that two sessions claim belongs to nobody."""
    names: dict[str, int] = {}
    cookies: dict[str, int] = {}
    for index, session in enumerate(settings.sessions):
        first = names.setdefault(session.name, index)
        if first != index:
            yield Finding(("sessions", index, "name"), f"is the name of sessions[{first}] already", shows=True)
        for position, cookie in enumerate(session.cookies):
            place = ("sessions", index, "cookies", position)
            if cookie in session.cookies[:position]:
                yield Finding(place, "stands twice", shows=True)
            elif cookies.setdefault(cookie, index) != index:
                yield Finding(place, f"belongs to sessions[{cookies[cookie]}] already", shows=True)


def unknown_users_are_not_forwarded(settings: Settings) -> Iterator[Finding]:
    """An application that trusts headers takes a request without any for an anonymous one; unknown is not that."""
    for index, session in enumerate(settings.sessions):
        if session.bridge == "headers" and session.on_undetermined == "forward":
            yield Finding(
                ("sessions", index, "on_undetermined"),
                "with `bridge: headers` it must be `refuse`, or an unknown user would look like nobody",
            )


def claims_are_free(settings: Settings) -> Iterator[Finding]:
    """Claims with a meaning of their own do not come from a session (RFC 9068 section 2.2)."""
    for index, session in enumerate(settings.sessions):
        for claim in session.claims:
            if claim in REGISTERED_CLAIMS:
                message = "this claim has a meaning of its own and cannot be mapped"
                yield Finding(("sessions", index, "claims", claim), message, at_key=True)


def options_fit_the_format(settings: Settings) -> Iterator[Finding]:
    """What is said of a framework holds together."""
    for index, session in enumerate(settings.sessions):
        place: tuple[str | int, ...] = ("sessions", index, "options")
        if isinstance(session, DjangoSession):
            if session.backend == "db" and session.place.sqlite is None:
                yield Finding((*place, "backend"), "`db` needs a database as place, like {sqlite: {file: app.db}}")
        elif isinstance(session, FlaskSession):
            if session.options.remember and session.options.remember not in session.cookies:
                yield Finding((*place, "remember"), "must stand in `cookies` too, so that it travels along", shows=True)
        else:
            yield from _whoami_options(session, place)


def _whoami_options(session: WhoamiSession, place: tuple[str | int, ...]) -> Iterator[Finding]:
    pattern = session.options.pattern
    if pattern is None:
        return
    if session.options.header is not None:
        yield Finding((*place, "pattern"), "stands beside `header`; the user is found in one way only")
    try:
        groups = re.compile(pattern.encode()).groups
    except (re.error, OverflowError, RecursionError):
        groups = 0
    if groups != 1:
        yield Finding((*place, "pattern"), "expected a regular expression with one group", shows=True)


def sessions_can_be_exchanged(settings: Settings) -> Iterator[Finding]:
    """A signature that is good does not say that the application would still accept the session."""
    if settings.tokens.trust_store_alone:
        return
    for index, session in enumerate(settings.sessions):
        is_bound = isinstance(session, WhoamiSession) or (isinstance(session, DjangoSession) and session.binding)
        if not is_bound:
            yield Finding(
                ("sessions", index, "format"),
                "nothing checks here that the application would still accept a session, so that none gets a token;"
                " use whoami, or accept it with tokens.trust_store_alone: true",
            )
