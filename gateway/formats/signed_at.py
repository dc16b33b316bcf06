"""itsdangerous, told the time: what Flask and Starlette sign, signed here."""

import hashlib
from typing import Any

from itsdangerous import TimestampSigner, URLSafeTimedSerializer


class SignedAt(TimestampSigner):
    """A `TimestampSigner` whose signatures are made `at` a time in seconds since 1970."""

    def __init__(self, secret_key: Any, salt: Any, *, at: float = 0.0, key_derivation: str = "django-concat") -> None:
        super().__init__(secret_key, salt, key_derivation=key_derivation, digest_method=hashlib.sha1)
        self._at = int(at)

    def get_timestamp(self) -> int:
        """Return the time that was given."""
        return self._at


def wtf_token(signing_key: bytes, secret: bytes, now: float) -> bytes:
    """Return the token of Flask-WTF: the session's secret, signed (https://flask-wtf.readthedocs.io/en/1.2.x/csrf/)."""
    serializer = URLSafeTimedSerializer(signing_key, "wtf-csrf-token", signer=SignedAt, signer_kwargs={"at": now})
    return serializer.dumps(secret.decode("ascii")).encode("ascii")
