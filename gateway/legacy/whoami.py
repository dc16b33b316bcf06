"""Any framework: the application itself is asked, and its answer read by rules.

Three verdicts, never two: an application that is slow, busy or broken has not said that nobody is signed in.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from gateway.codec import UnreadableSession, UserMapping, as_subject, load_json
from gateway.headers import Pairs
from gateway.model import Anonymous, LegacySession, Undetermined, Verdict

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class WhoamiRules:
    """How an answer names the user: in JSON (`mapping.user`), in the field `header`, or by the group of `pattern`.

    `header` is in lower case. `login_url` is where the application sends those who are not signed in. An answer that
    does not name a user at all is undetermined, since an error page looks the same; with `missing_is_anonymous` it
    says that nobody is signed in. A user that is null, false or empty always says so.
    """

    mapping: UserMapping
    header: bytes = b""
    pattern: re.Pattern[bytes] | None = None
    login_url: str = ""
    missing_is_anonymous: bool = False

    def judge(self, status: int, fields: Pairs, body: bytes, key: str) -> Verdict:
        """Say whose session it is; `key` is the identity that the session gets. Never raises."""
        if status in {401, 403} or (status in _REDIRECTS and self._is_login(_find(fields, b"location"))):
            return Anonymous("no_user", is_hearsay=True)
        if status == 429 or status >= 500:
            return Undetermined("unreachable")
        if not 200 <= status < 300:
            return Undetermined("unreadable")
        try:
            return self._read(fields, body, key)
        except UnreadableSession:
            return Undetermined("unreadable")

    def _read(self, fields: Pairs, body: bytes, key: str) -> LegacySession | Anonymous:
        document: object = {}
        if self.header:
            user = _find(fields, self.header)
        elif self.pattern is not None:
            found = self.pattern.search(body)
            user = found[1].decode("utf-8", "replace") if found else None
        else:
            document = load_json(body)
            user = _find_user(document, self.mapping.user)
        if user is None and not self.missing_is_anonymous:
            raise UnreadableSession
        if not user:
            return Anonymous("no_user", is_hearsay=True)
        claims = self.mapping.find_claims(document)
        return LegacySession(self.mapping.site, key, as_subject(user), claims, is_bound=True)

    def _is_login(self, location: str | None) -> bool:
        """Whether a redirect leads to the login page, whatever host and query it carries."""
        try:
            path = urlsplit(location or "").path
        except ValueError:
            return False
        return bool(self.login_url) and path.rstrip("/") == urlsplit(self.login_url).path.rstrip("/")


def _find(fields: Pairs, name: bytes) -> str | None:
    values = [value for key, value in fields if key.lower() == name]
    return values[0].decode("utf-8", "replace").strip() if values else None


def _find_user(document: object, path: str) -> str | None:
    """Return the user, empty where the answer says that there is none, None where it says nothing."""
    for step in path.split("."):
        if document is None or document is False:
            return ""
        if not isinstance(document, Mapping) or step not in document:
            return None
        document = document[step]
    return "" if document is False else as_subject(document)
