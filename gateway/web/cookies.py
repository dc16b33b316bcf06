"""Our own cookies at the client: `__Host-`, HttpOnly, Secure, without a domain (RFC 6265bis section 4.1.3)."""

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.flow.tokens import Grant
from gateway.headers import Pairs, write_set_cookie


@dataclass(frozen=True, slots=True)
class OwnCookies:
    """The names of our cookies. `same_site` is that of the legacy session cookie."""

    access: bytes = b"__Host-crossfade_access"
    refresh: bytes = b"__Host-crossfade_refresh"
    same_site: bytes = b"Lax"

    def keeping(self, grant: Grant) -> Pairs:
        """Return the `Set-Cookie` that gives a client its refresh token, for as long as the token lives."""
        value = grant.refresh_token.encode("ascii")
        return [self._set(self.refresh, value, grant.refresh_expires_in)]

    def deleting(self, others: Iterable[bytes] = ()) -> Pairs:
        """Return the `Set-Cookie` fields that delete ours and `others`."""
        return [self._set(name, b"", 0) for name in (self.access, self.refresh, *others)]

    def _set(self, name: bytes, value: bytes, max_age: int) -> tuple[bytes, bytes]:
        return b"set-cookie", write_set_cookie(name, value, max_age=max_age, same_site=self.same_site)
