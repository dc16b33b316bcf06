"""Whose session is this, and why: step by step, in plain sentences, without a cookie or a secret in them."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from gateway.core.credentials import Site, find_sessions
from gateway.errors import BadRequest
from gateway.model import Anonymous, LegacySession, SessionCookie, Verdict
from gateway.stores.sessions import ExplainableSessions

REASONS = {
    "absent": "There is no session in them: the cookie is missing, empty, or cannot be a session key.",
    "expired": "The session has expired.",
    "bad_signature": "None of the configured secrets fits the signature. Either the session was not written by this "
    "application, or its secret has changed, or the configured salt is not the application's.",
    "no_user": "The session is good, but nobody is signed in with it.",
    "gone": "The application has no such session: it was logged out, or never existed.",
    "not_bound": "The application would refuse it: the user's password has changed, or the user is gone or inactive.",
    "unreadable": "The session is not of the configured format, or too large.",
    "unreachable": "The place where sessions lie could not be reached, or has no such table or column.",
    "timeout": "The place where sessions lie did not answer in time.",
    "suspended": "The application says that nobody is signed in, and is asked once more before that is believed.",
    "stale_codec": "Most cookies suddenly fail every secret: the application's secret seems to have changed.",
}
"""What each reason of a verdict means."""


async def explain(cookie: bytes | None, site: Site, sessions: ExplainableSessions, now: float) -> list[str]:
    """Return the steps from the value of a Cookie header to a user, or to why there is none, as sentences.

    `now` is in seconds since 1970. The user is named; no cookie, key or secret is.
    """
    try:
        shown = find_sessions(cookie, [site])
    except BadRequest as error:
        return [f"The Cookie header is refused: {error}"]
    if shown is None:
        return [f"The request shows none of the cookies of `{site.name}`: {_names(site.cookies)}.", "It is anonymous."]
    steps = list(_picked(shown, site))
    verdict = await sessions.explain(shown, now, steps.append)
    return [*steps, *_outcome(verdict)]


def _picked(shown: SessionCookie, site: Site) -> Iterator[str]:
    names = [name for name, _ in shown.cookies]
    yield f"Of the cookies of `{site.name}` the request shows {_names(names)}."
    missing = [name for name in site.cookies if name not in names]
    if missing:
        yield f"It does not show {_names(missing)}."
    if shown.duplicated:
        yield f"A cookie occurs more than once; the {site.pick} one counts, as for the application."


def _outcome(verdict: Verdict) -> Iterator[str]:
    if isinstance(verdict, LegacySession):
        yield f"It is the session of user `{verdict.subject}`."
        if verdict.claims:
            yield f"It lends tokens the claims {', '.join(sorted(verdict.claims))}."
        if verdict.expires_at is not None:
            yield f"It ends at {datetime.fromtimestamp(verdict.expires_at, UTC):%Y-%m-%d %H:%M:%S} UTC."
        if not verdict.is_bound:
            yield "Nobody checked that the application would still accept it: no binding is configured."
        return
    yield REASONS[verdict.reason]
    yield "It is anonymous." if isinstance(verdict, Anonymous) else "Nobody can say whose it is; that is not anonymous."


def _names(names: Sequence[bytes]) -> str:
    return ", ".join(f"`{name.decode('ascii', 'replace')}`" for name in names)
