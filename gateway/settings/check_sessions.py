"""Checks of the legacy sessions."""

import re
from collections.abc import Iterator

from gateway.codec import REGISTERED_CLAIMS
from gateway.settings.check_rules import unknown_upstream
from gateway.settings.faults import Finding
from gateway.settings.schema.root import Settings
from gateway.settings.schema.session import WhoamiOptions
from gateway.settings.schema.sessions import (
    CodecSession,
    DjangoSession,
    ExpressSession,
    FlaskSession,
    RailsSession,
    Session,
    WhoamiSession,
)


def sessions_belong_somewhere(settings: Settings) -> Iterator[Finding]:
    """Each session names an application that exists."""
    for index, session in enumerate(settings.sessions):
        if session.upstream is not None and session.upstream not in settings.upstreams:
            yield unknown_upstream(("sessions", index, "upstream"), session.upstream, settings)


def users_do_not_meet(settings: Settings) -> Iterator[Finding]:
    """User 42 of one application may be somebody else in another: whether it is, only the operator knows."""
    names = [session.upstream or settings.default_upstream for session in settings.sessions]
    realms: dict[str, str | None] = {}
    for index, (session, name) in enumerate(zip(settings.sessions, names, strict=True)):
        if realms.setdefault(name, session.realm) != session.realm:
            yield Finding(("sessions", index, "realm"), f"differs from that of another session of {name}", shows=True)
        elif session.realm is None and len(set(names)) > 1:
            yield Finding(
                ("sessions", index),
                "needs a `realm`, since there are sessions of several applications: the same one where they have the"
                " same users, another where each has its own",
            )


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


def events_name_the_session(settings: Settings) -> Iterator[Finding]:
    """An event holds the name of a record, from which the session must be known."""
    for index, session in enumerate(settings.sessions):
        if isinstance(session, RailsSession) and session.place.redis is not None and session.place.redis.events:
            yield Finding(
                ("sessions", index, "place", "redis", "events"),
                "cannot be used for Rails, whose records have a hash of the session's id for a name",
            )


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
        match session:
            case DjangoSession():
                yield from _django_options(session, place)
            case FlaskSession() if session.options.remember and session.options.remember not in session.cookies:
                yield Finding((*place, "remember"), "must stand in `cookies` too, so that it travels along", shows=True)
            case ExpressSession():
                yield from _express_options(session, index)
            case RailsSession():
                yield from _rails_options(session, index)
            case WhoamiSession():
                yield from _whoami_options(session.options, place)
            case _:
                pass


def users_can_be_looked_up(settings: Settings) -> Iterator[Finding]:
    """A table of users is in some database, and is used for something."""
    for index, session in enumerate(settings.sessions):
        if not isinstance(session, CodecSession):
            continue
        place: tuple[str | int, ...] = ("sessions", index)
        if session.whoami is not None:
            yield from _whoami_options(session.whoami, (*place, "whoami"))
        users = session.users
        if users is None:
            continue
        if users.place is None and not session.place.has_rows:
            yield Finding((*place, "users"), "needs a `place`, since the sessions do not lie in a database")
        if users.table is None and (users.active or users.subject or users.claims):
            yield Finding((*place, "users"), "needs the `table` that these columns are of")
        elif users.table is None and not (
            isinstance(session, DjangoSession | RailsSession) and session.options.binding
        ):
            yield Finding((*place, "users"), "needs the `table`: without one, nothing looks into it")
        for claim in users.claims:
            if claim in REGISTERED_CLAIMS:
                message = "this claim has a meaning of its own and cannot be mapped"
                yield Finding((*place, "users", "claims", claim), message, at_key=True)
            elif claim in session.claims:
                yield Finding((*place, "users", "claims", claim), "is mapped from the session already", at_key=True)


def _django_options(session: DjangoSession, place: tuple[str | int, ...]) -> Iterator[Finding]:
    wanted = {"db": "a database, like {sqlite: {file: app.db}}", "cache": "{redis: …}", "file": "{file: …}"}
    kinds = {"sqlite": "db", "postgres": "db", "mysql": "db", "redis": "cache", "file": "file"}
    if session.backend in wanted and kinds.get(session.place.kind) != session.backend:
        yield Finding((*place, "backend"), f"`{session.backend}` needs as place {wanted[session.backend]}")


def _express_options(session: ExpressSession, index: int) -> Iterator[Finding]:
    if session.place.cookie is None:
        return
    signature = f"{session.cookies[0]}.sig"
    if signature not in session.cookies:
        yield Finding(("sessions", index, "cookies"), f"needs `{signature}` too, the signature of cookie-session")
    if not session.options.allow_unrevocable:
        yield Finding(
            ("sessions", index, "place"),
            "a copy of such a cookie is good again after a logout, since nothing in it tells one session from the next;"
            " accept it with options.allow_unrevocable: true",
        )


def _rails_options(session: RailsSession, index: int) -> Iterator[Finding]:
    place: tuple[str | int, ...] = ("sessions", index, "options", "store")
    if session.store in {"active_record", "authentication"} and not session.place.has_rows:
        yield Finding(place, f"`{session.store}` needs a database as place")
    elif session.store in {"cookie", "redis"} and session.place.kind != session.store:
        yield Finding(place, f"`{session.store}` needs {{{session.store}: …}} as place")
    if session.store in {"cookie", "authentication"} and not session.secrets:
        yield Finding(("sessions", index), "needs `secrets`: Rails encrypts or signs this cookie")
    if session.options.binding is not None and (session.users_place is None or session.store == "authentication"):
        sentence = "needs a database with the table: say users: { place: … }; for `authentication` there is none"
        yield Finding(("sessions", index, "options", "binding"), sentence)


def _whoami_options(options: WhoamiOptions, place: tuple[str | int, ...]) -> Iterator[Finding]:
    pattern = options.pattern
    if pattern is None:
        return
    if options.header is not None:
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
        if not _is_bound(session):
            yield Finding(
                ("sessions", index, "format"),
                "nothing checks here that the application would still accept a session, so that none gets a token;"
                " use whoami, or accept it with tokens.trust_store_alone: true",
            )


def logins_can_be_replayed(settings: Settings) -> Iterator[Finding]:
    """Who may send a password has somewhere to log in, and what a login page is asked for holds together."""
    for index, session in enumerate(settings.sessions):
        csrf = None if session.login is None else session.login.csrf
        if csrf is None:
            continue
        has_pair = csrf.cookie is not None and csrf.header is not None
        if (csrf.cookie is None) != (csrf.header is None) or (csrf.field is not None) == has_pair:
            yield Finding(
                ("sessions", index, "login", "csrf"), "needs either `field`, or `cookie` and `header` together"
            )
    if any(session.login is not None for session in settings.sessions):
        return
    for index, client in enumerate(settings.clients):
        if "password" in client.grants:
            yield Finding(("clients", index, "grants"), "`password` needs a session with a `login`")


def _is_bound(session: Session) -> bool:
    """Whether the present state of the user is looked at, as far as the application itself does."""
    if isinstance(session, WhoamiSession):
        return True
    if isinstance(session, DjangoSession):
        return session.binding is not None
    if isinstance(session, RailsSession):
        return session.options.binding is not None
    return session.users is not None and session.users.table is not None
