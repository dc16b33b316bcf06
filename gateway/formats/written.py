"""What sessions of several frameworks are written with: keys, compact JSON, packed text."""

import base64
import json
import string
import zlib
from collections.abc import Callable, Mapping

_ALPHABET = string.ascii_lowercase + string.digits
_LETTERS = string.ascii_letters + string.digits


def key_of(entropy: Callable[[int], bytes], length: int = 32, *, mixed: bool = False) -> str:
    """Return a key of small letters and digits, or of all letters and digits: 165 bits and more."""
    alphabet = _LETTERS if mixed else _ALPHABET
    number = int.from_bytes(entropy(length), "big")
    digits: list[str] = []
    for _ in range(length):
        number, digit = divmod(number, len(alphabet))
        digits.append(alphabet[digit])
    return "".join(digits)


def token_of(entropy: Callable[[int], bytes]) -> str:
    """Return a key as Python's `secrets.token_urlsafe(32)` makes it."""
    return base64.urlsafe_b64encode(entropy(32)).rstrip(b"=").decode()


def plain_json(content: Mapping[str, object]) -> bytes:
    """Write JSON without spaces, as the frameworks do."""
    return json.dumps(content, separators=(",", ":"), default=str).encode()


def packed(text: bytes) -> bytes:
    """Write text as base64url, compressed with a leading dot where that is shorter: as Django and Flask do."""
    small = zlib.compress(text)
    data, mark = (small, b".") if len(small) < len(text) - 1 else (text, b"")
    return mark + base64.urlsafe_b64encode(data).rstrip(b"=")
