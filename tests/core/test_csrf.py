"""Tokens that are made of a session's secret, read again as the frameworks read them."""

import base64
import hashlib

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.csrf import csurf, masked, plain

SECRETS = st.text("abcdefABCDEF0123456789-_", min_size=8, max_size=80).map(str.encode)


@given(SECRETS, st.binary(min_size=8, max_size=8))
def test_csurf_hashes_the_secret_with_a_salt_that_the_first_dash_ends(secret: bytes, salt: bytes) -> None:
    """`Tokens.prototype.verify` of pillarjs/csrf."""
    token = csurf(secret, 0.0, lambda length: salt[:length])
    shown, _, digest = token.partition(b"-")
    made = base64.b64encode(hashlib.sha1(shown + b"-" + secret).digest())
    assert digest == made.translate(bytes.maketrans(b"+/", b"-_"), b"=")


@given(SECRETS)
def test_spring_unmasks_the_second_half_with_the_first(secret: bytes) -> None:
    """`XorCsrfTokenRequestAttributeHandler.getTokenValue`: twice as many bytes as the token, or it is refused."""
    token = base64.urlsafe_b64decode(masked(secret, 0.0, lambda length: bytes(range(1, length + 1))))
    pad, under = token[: len(secret)], token[len(secret) :]
    assert len(under) == len(secret)
    assert under != secret
    assert bytes(one ^ other for one, other in zip(pad, under, strict=True)) == secret


def test_laravel_and_rails_take_the_secret_itself() -> None:
    assert plain(b"secret", 0.0, bytes) == b"secret"
