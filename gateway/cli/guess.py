"""Which framework writes an application's sessions, guessed from the cookies that it sets."""

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Guess:
    """What the cookies speak for. `format` is a format that can be read, or whoami, which fits every application.

    `cookies` are the session cookie and those that travel with it; `is_seen` says that the session cookie itself was
    seen, and not only one of its companions.
    """

    framework: str
    format: str
    cookies: tuple[str, ...]
    is_seen: bool = True


_BY_NAME: tuple[tuple[str, str], ...] = (
    (r"connect\.sid", "Express"),
    (r"laravel_session|.+-session", "Laravel"),
    (r"_[a-z0-9_]+_session", "Rails"),
    (r"PHPSESSID", "PHP"),
    (r"JSESSIONID", "a Java servlet container"),
    (r"SESSION", "Spring"),
    (r"ASP\.NET_SessionId|\.AspNetCore\..+", "ASP.NET"),
    (r"wordpress_.+", "WordPress"),
    (r"rack\.session", "Rack"),
)
_DJANGO_COMPANION = "csrftoken"
_SIGNED_PAYLOAD = ("eyJ", ".eJ")  # base64url of JSON, as it is or zlib-compressed after a dot


def guess_framework(cookies: Mapping[str, str]) -> Guess | None:
    """Guess from names and values of cookies; None where none of them is known."""
    if "sessionid" in cookies:
        return Guess("Django", "django", ("sessionid",))
    if cookies.get("session", "").startswith(_SIGNED_PAYLOAD):
        is_starlette = cookies["session"].startswith("eyJ") and "=" in cookies["session"].partition(".")[0]
        return Guess("Starlette", "whoami", ("session",)) if is_starlette else Guess("Flask", "flask", ("session",))
    for pattern, framework in _BY_NAME:
        found = [name for name in cookies if re.fullmatch(pattern, name)]
        if found:
            return Guess(framework, "whoami", tuple(found))
    if _DJANGO_COMPANION in cookies:  # a login page of Django sets it, the session comes with the login
        return Guess("Django", "django", ("sessionid",), is_seen=False)
    return None
