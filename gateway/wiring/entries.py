"""Under which names the entries of sessions lie, in Redis or in a folder."""

from gateway.settings.schema.sessions import (
    CodecSession,
    DjangoSession,
    ExpressSession,
    FlaskSession,
    JsonSession,
    LaravelSession,
    PhpSession,
    RailsSession,
    SpringSession,
)


def find_prefix(session: CodecSession) -> str | None:
    """Return what stands before the key of a session; None where sessions are no entries."""
    if session.place.kind == "cookie" or session.place.has_rows:
        return None
    match session:
        case DjangoSession() | PhpSession():
            return session.prefix
        case FlaskSession() | ExpressSession() | RailsSession() | SpringSession() | JsonSession():
            return session.options.prefix
        case LaravelSession():
            return session.options.prefix if session.place.kind == "redis" else ""
    return None
