"""Rails: the session is an encrypted cookie.

https://guides.rubyonrails.org/action_controller_overview.html#session
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from gateway.codec import Cookies, Reading, UnreadableSession, UserMapping, dump_json, fingerprint
from gateway.formats.rails import DeviseBinding, RailsKeys, bound, find_encrypted, open_envelope
from gateway.model import Anonymous


@dataclass(frozen=True, slots=True)
class RailsCookie:
    """The cookie store: `keys` are those of `secret_key_base` and of what it was rotated from.

    Rails encrypts the session anew with each response; what stays is the `session_id` in it.
    """

    mapping: UserMapping
    keys: tuple[RailsKeys, ...] = field(repr=False)
    cookie: bytes
    binding: DeviseBinding | None = None

    @property
    def description(self) -> str:
        """How a user is found, as one sentence."""
        return f"Rails keeps the session in the encrypted cookie `{self.cookie.decode()}` itself."

    def locate(self, cookies: Cookies) -> str:
        """Return the fingerprint of what is encrypted, where the user is looked up; it outlasts a new encryption."""
        content = find_encrypted(unquote_to_bytes(cookies.get(self.cookie, b"")), self.keys) if self.binding else None
        return "" if content is None else fingerprint(content)

    def read(self, cookies: Cookies, now: float) -> Reading:
        """Read the cookie."""
        text = unquote_to_bytes(cookies.get(self.cookie, b""))
        if not text:
            return Anonymous("absent")
        content = find_encrypted(text, self.keys)
        if content is None:
            return Anonymous("bad_signature")
        session = open_envelope(content, self.cookie.decode(), now)
        if session is None:
            return Anonymous("expired")
        if not isinstance(session, Mapping):
            raise UnreadableSession
        key = session.get("session_id")
        verdict = self.mapping.read(session, key if isinstance(key, str) and key else _fingerprint(session))
        return (yield from bound(verdict, session, self.binding))


def _fingerprint(session: Mapping[str, object]) -> str:
    try:
        return fingerprint(dump_json({name: str(value) for name, value in session.items()}))
    except ValueError as error:  # a number of more digits than Python writes
        raise UnreadableSession from error
