"""The configuration that `init` writes: what was guessed, with a comment at each line that somebody has to look at."""

import json
import re
from collections.abc import Sequence

from gateway.cli.guess import Guess
from gateway.settings.addresses import Origin
from gateway.settings.schema.sessions import FORMATS

_HARMLESS = re.compile(r"[A-Za-z_/.][A-Za-z0-9_./\-]*")
_WHOLE = """\
# yaml-language-server: $schema=gateway.schema.json
# The line above completes and checks this file in an editor, after: crossfade schema --output gateway.schema.json
# Lines marked CHECK were guessed. Then: crossfade validate && crossfade doctor && crossfade run

listen: 127.0.0.1:8080
public_url: http://localhost:8080 # CHECK: what browsers call the site, https://… in production

upstreams:
  app: {{ url: "{upstream}" }}

phase:
  initial: parallel # cookies and tokens both work; `crossfade phase` changes it
{sessions}
tokens: {{ audience: app, access: 1h, refresh: 7d }}

clients:
  - {{ id: web, delivery: cookie }} # browsers: the refresh token stays in an HttpOnly cookie
  # - {{ id: mobile, delivery: body }} # applications that keep their refresh token themselves

stores:
  embedded: run/crossfade.db # one gateway; `redis: {{ env: REDIS_URL }}` beside it shares the blacklist

routes:
  - {{ path: /static/*, auth: public }}
  - {{ path: /*, auth: optional }}
"""

_PLACES = {
    "django": "{ sqlite: { file: db.sqlite3 } } # CHECK: the database of the application, where django_session is",
    "flask": "{ cookie: {} } # the session is the signed cookie itself",
}
_SECRETS = {
    "django": "[{ env: DJANGO_SECRET_KEY }] # CHECK: SECRET_KEY of the application, named and not written here",
    "flask": "[{ env: FLASK_SECRET_KEY }] # CHECK: SECRET_KEY of the application, named and not written here",
}


def write_configuration(upstream: Origin, guess: Guess | None, login_path: str) -> str:
    """Return the text of a configuration for an application."""
    text = _WHOLE.format(upstream=upstream, sessions=_sessions(upstream, guess, login_path))
    if guess is not None and guess.format == "flask":
        text = text.replace(
            "refresh: 7d }", "refresh: 7d, trust_store_alone: true } # CHECK: only the signature is looked at", 1
        )
    return text


def _sessions(upstream: Origin, guess: Guess | None, login_path: str) -> str:
    cookies = ("session",) if guess is None else guess.cookies
    lines = [
        "  - name: main",
        f"    format: {'whoami' if guess is None else guess.format}",
        *_place(upstream, guess),
        f"    cookies: [{', '.join(map(_quoted, cookies))}]{'' if guess is not None and guess.is_seen else ' # CHECK'}",
    ]
    if guess is not None and guess.format in _SECRETS:
        lines.append(f"    secrets: {_SECRETS[guess.format]}")
    if login_path:
        lines.append(f"    login_url: {_quoted(login_path)} # CHECK")
    lines.append("    # logout_paths: [/logout/]")
    return "\n".join(["", *_reason(guess), "sessions:", *lines, ""])


def _quoted(text: str) -> str:
    return text if _HARMLESS.fullmatch(text) else json.dumps(text)


def _reason(guess: Guess | None) -> Sequence[str]:
    if guess is None:
        return (
            "# CHECK: no cookie told which framework this is, so the application itself is asked who is signed in.",
            f"# Other formats: {', '.join(FORMATS[:-1])}.",
        )
    seen = "" if guess.is_seen else ", by a cookie that comes with its login page"
    if guess.format == "whoami":
        return (
            f"# Looks like {guess.framework}. The application itself is asked who is signed in.",
            "# Many sessions can also be read without a question: docs/frameworks.md.",
        )
    return (f"# Looks like {guess.framework}{seen}.",)


def _place(upstream: Origin, guess: Guess | None) -> Sequence[str]:
    if guess is not None and guess.format in _PLACES:
        return (f"    place: {_PLACES[guess.format]}",)
    return (
        "    place:",
        f"      whoami: {{ url: {upstream}/api/me }} # CHECK: an address that tells who is signed in, as JSON",
        "    user: id # CHECK: where in that JSON the user stands",
    )
