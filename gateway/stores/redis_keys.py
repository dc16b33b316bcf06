"""The names of what we keep in Redis."""

import re
from collections.abc import Sequence

from gateway.errors import ConfigurationError
from gateway.lately import Lately
from gateway.model import Revocation, RevocationKind, VerifiedToken

_REMEMBERED = 4 << 20
"""Bytes of questions about tokens that came lately."""
_OVERHEAD = 512  # what the objects of one question cost beside its bytes, at most
_PLACE = re.compile(r"\{(jti|sid|sub)\}")


class RedisKeys:
    """Keys under one prefix, and patterns of keys that other services write and that count as revoked tokens.

    The braces of the prefix keep our keys together where keys are spread by hash. A pattern is a key with `{jti}`,
    `{sid}` or `{sub}` in it, such as `blacklist:{jti}`; it must hold a string value, since MGET sees no other kind.

    Raises:
        ConfigurationError: a pattern names nothing of the token.
    """

    def __init__(self, prefix: str, also_check: Sequence[str] = ()) -> None:
        for pattern in also_check:
            if _PLACE.search(pattern) is None:
                raise ConfigurationError(
                    f"The key {pattern!r} in revocation.also_check is the same for every token. "
                    "Put {jti}, {sid} or {sub} where the token's own value belongs."
                )
        self._prefix = prefix
        self._also_check = tuple(also_check)
        self.sequence = f"{prefix}seq".encode()
        self.everything = f"{prefix}all".encode()
        self.feed = f"{prefix}feed".encode()
        self.rebuilding = f"{prefix}rebuilding:"
        self.width = 3 + len(self._also_check)
        self.questions: Lately[bytes] = Lately(_REMEMBERED)
        """What `question` returned lately, by the names of a token and its subject: all that a key may tell of it."""

    def of_token(self, token: VerifiedToken) -> list[bytes]:
        """Return the keys to ask for a token: itself, its family, its subject, and those of other services."""
        prefix = self._prefix
        keys = [
            f"{prefix}jti:{token.token_id}".encode(),
            f"{prefix}sid:{token.session_id}".encode(),
            f"{prefix}sub:{token.subject}".encode(),
        ]
        if self._also_check:
            values = {"jti": token.token_id, "sid": token.session_id, "sub": token.subject}
            keys += [_PLACE.sub(lambda place: values[place[1]], pattern).encode() for pattern in self._also_check]
        return keys

    def question(self, token: VerifiedToken) -> bytes:
        """Return the keys of `of_token` as they stand in a command in RESP, and remember them."""
        question = b"".join(bulk(key) for key in self.of_token(token))
        self.questions.keep((token.names, token.subject), question, len(question) + _OVERHEAD)
        return question

    def of_revocation(self, revocation: Revocation) -> bytes:
        """Return the key that a revocation is kept under."""
        if revocation.kind is RevocationKind.EVERYTHING:
            return self.everything
        return f"{self._prefix}{revocation.kind}:{revocation.name}".encode()

    def of_family(self, family_id: str) -> bytes:
        """Return the key that the end of a family is kept under."""
        return f"{self._prefix}sid:{family_id}".encode()

    def of_copy(self, session_id: str) -> bytes:
        """Return the key of the copy of a vaulted session."""
        return f"{self._prefix}vault:{session_id}".encode()


def bulk(value: bytes) -> bytes:
    """Return a bulk string of RESP."""
    return b"$%d\r\n%b\r\n" % (len(value), value)
