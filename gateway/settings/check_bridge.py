"""Checks of what the application is given for a token."""

from collections.abc import Iterator

from gateway.formats.minting import names_in
from gateway.settings.faults import Finding
from gateway.settings.schema.mint import Mint
from gateway.settings.schema.root import Settings
from gateway.settings.schema.sessions import (
    CodecSession,
    ColumnSession,
    DjangoSession,
    FlaskSession,
    RailsSession,
)

MINTABLE = {
    "django": {"sqlite", "postgres", "mysql", "redis", "cookie"},
    "flask": {"sqlite", "postgres", "mysql", "redis", "cookie"},
    "starlette": {"cookie"},
    "express": {"postgres", "redis", "cookie"},
    "laravel": {"sqlite", "postgres", "mysql", "redis"},
    "rails": {"sqlite", "postgres", "mysql", "cookie"},
}
"""Whose sessions can be made here, and in which places."""

_NAMES_A_USER = frozenset({"subject", "column", "claim"})


def form_protections_hold_together(settings: Settings) -> Iterator[Finding]:
    """What is said of a protection against forged requests can be made from what is read."""
    for index, session in enumerate(settings.sessions):
        csrf, place = session.csrf, ("sessions", index, "csrf")
        if csrf is None or csrf.kind == "none":
            continue
        if csrf.header is None:
            yield Finding(place, "needs the `header` that carries the token")
        if csrf.session is None and csrf.cookie is None:
            yield Finding(place, "needs `session`, `cookie` or both: what the header is compared with")
        if csrf.kind == "flask_wtf" and not isinstance(session, FlaskSession):
            yield Finding((*place, "kind"), "`flask_wtf` goes with `format: flask`, whose secrets sign it")
        if csrf.secret is not None and csrf.kind != "flask_wtf":
            yield Finding((*place, "secret"), "only `flask_wtf` signs with a secret")
        if csrf.session is not None and isinstance(session, ColumnSession):
            yield Finding((*place, "session"), "of a session in columns nothing is read but the user", shows=True)


def sessions_can_be_minted(settings: Settings) -> Iterator[Finding]:
    """A session of our own making is complete, can be written, and is made for somebody who may sign in."""
    for index, session in enumerate(settings.sessions):
        place: tuple[str | int, ...] = ("sessions", index)
        if session.bridge != "mint":
            if session.mint is not None:
                yield Finding((*place, "mint"), "is for `bridge: mint`")
        elif not isinstance(session, CodecSession) or session.place.kind not in MINTABLE.get(session.format, ()):
            yield Finding((*place, "bridge"), f"no session of {session.format} can be made in this place", shows=True)
        elif isinstance(session, RailsSession) and session.store not in {"authentication", "cookie"}:
            sentence = "of Rails only the cookie and what `authentication` keeps can be made"
            yield Finding((*place, "bridge"), sentence, shows=True)
        elif session.mint is None:
            yield Finding(place, "`bridge: mint` needs `mint`, which says how a session is made")
        else:
            yield from _mint_place(session, session.mint, (*place, "mint"))
            yield from _mint_template(session, session.mint, (*place, "mint"))


def _mint_place(session: CodecSession, mint: Mint, place: tuple[str | int, ...]) -> Iterator[Finding]:
    kind, given = session.place.kind, None if mint.place is None else mint.place.kind
    if kind == "cookie" and given is not None:
        yield Finding((*place, "place"), "the cookie itself is the session; nothing is written anywhere")
    elif kind != "cookie" and given != kind:
        yield Finding(place, f"needs `place: {{ {kind}: … }}`, where new sessions are written, with a user of its own")


def _mint_template(session: CodecSession, mint: Mint, place: tuple[str | int, ...]) -> Iterator[Finding]:
    if not mint.session:
        yield Finding(place, "needs `session`: what is in a session that is made here")
    is_django = isinstance(session, DjangoSession)
    if isinstance(session, DjangoSession) and session.binding is None:
        yield Finding(
            place, "needs the user's row, with his password: a `users.place`, and no `options.binding: false`"
        )
    elif isinstance(session, DjangoSession) and _is_subject_elsewhere(session):
        yield Finding(place, "needs `users.table` and `options.binding.table` to be one, in which `subject` is found")
    names = names_in(mint.session)
    if mint.session and _NAMES_A_USER.isdisjoint(name.partition(".")[0] for name in names):
        yield Finding((*place, "session"), 'names no user: needs "{subject}", or the {column.…} or {claim.…} that does')
    for name in names:
        kind, _, rest = name.partition(".")
        if kind == "column" and not is_django and (session.users is None or session.users.table is None):
            yield Finding((*place, "session"), f"{{{name}}} needs `users` with the `table` that it is of")
        if kind == "claim" and rest not in _claims_of(session):
            yield Finding((*place, "session"), f"{{{name}}} is no claim of `claims` or `users.claims`")
        if name == "password_hash" and not is_django:
            yield Finding((*place, "session"), "{password_hash} is Django's")


def _claims_of(session: CodecSession) -> set[str]:
    return {*session.claims, *({} if session.users is None else session.users.claims)}


def _is_subject_elsewhere(session: DjangoSession) -> bool:
    users, binding = session.users, session.binding
    return users is not None and users.subject is not None and binding is not None and users.table != binding.table
