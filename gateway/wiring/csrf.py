"""What each application's form protection compares, from the literal registry below."""

from collections.abc import Mapping

from gateway.bridge.csrf import CsrfPairs
from gateway.core.csrf import COOKIE_SECRET, DJANGO_SECRET, CsrfCheck, Entropy, Form, csurf, masked, plain
from gateway.settings.schema.csrf import Csrf
from gateway.settings.schema.root import Settings
from gateway.settings.schema.sessions import FlaskSession, Session

Environ = Mapping[str, str]

_FRAMEWORKS = {
    "django": Csrf(header="X-CSRFToken", session="_csrftoken", cookie="csrftoken"),
    "flask": Csrf(kind="flask_wtf", header="X-CSRFToken", session="csrf_token"),
    "express": Csrf(kind="csurf", header="X-CSRF-Token", session="csrfSecret"),
    "laravel": Csrf(header="X-CSRF-TOKEN", session="_token"),
    "rails": Csrf(header="X-CSRF-Token", session="_csrf_token"),
    "spring": Csrf(kind="masked", header="X-CSRF-TOKEN", session="csrf"),
}
"""What the forms of a framework carry, whose session holds it."""
_NOTHING = Csrf(kind="none")
_FORMS: Mapping[str, Form] = {"plain": plain, "csurf": csurf, "masked": masked}


def csrf_of(session: Session) -> Csrf:
    """Return what the forms of an application carry: as configured, or as its framework has it."""
    return session.csrf or _FRAMEWORKS.get(session.format, _NOTHING)


def open_csrf(settings: Settings, environ: Environ, entropy: Entropy) -> CsrfPairs:
    """Return who makes the pairs for all sites.

    Raises:
        ConfigurationError: a secret cannot be read.
    """
    checks = {session.name: _check_of(session, csrf_of(session), environ) for session in settings.sessions}
    known = {name: check for name, check in checks.items() if check is not None}
    return CsrfPairs(public_origin=str(settings.public_url), entropy=entropy, checks=known)


def _check_of(session: Session, csrf: Csrf, environ: Environ) -> CsrfCheck | None:
    if csrf.kind == "none" or csrf.header is None:
        return None
    form = _FORMS.get(csrf.kind) or _signed_by_wtf(session, csrf, environ)
    accepts = DJANGO_SECRET if session.format == "django" else COOKIE_SECRET
    return CsrfCheck(csrf.header.encode("ascii"), form, (csrf.cookie or "").encode("ascii"), accepts)


def _signed_by_wtf(session: Session, csrf: Csrf, environ: Environ) -> Form:
    from gateway.formats.signed_at import wtf_token  # its package comes with the format flask alone

    assert isinstance(session, FlaskSession)
    key = (csrf.secret or session.secrets[0]).read(environ)

    def signed(secret: bytes, now: float, _entropy: Entropy) -> bytes:
        return wtf_token(key, secret, now)

    return signed
