"""Checks of what the application is given for a token."""

from collections.abc import Iterator

from gateway.settings.faults import Finding
from gateway.settings.schema.root import Settings
from gateway.settings.schema.sessions import ColumnSession, FlaskSession


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
