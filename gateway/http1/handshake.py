"""What makes a request for a WebSocket one that may become a tunnel."""

from base64 import b64decode
from binascii import Error as Base64Error

from gateway.errors import BadRequest, UpgradeRefused
from gateway.http1.grammar import OWS
from gateway.model import RequestHead


def ensure_handshake(head: RequestHead) -> None:
    """Ensure that a request for a WebSocket is a handshake of RFC 6455 section 4.2.1.

    Raises:
        BadRequest: it is not a GET of HTTP/1.1 without a body, or its key is not one key of 16 bytes.
        UpgradeRefused: it asks for another version than 13.
    """
    if head.method != b"GET" or not head.minor or head.has_body:
        raise BadRequest("A WebSocket handshake is a GET of HTTP/1.1 without a body.")
    if _values(head, b"sec-websocket-version") != [b"13"]:
        raise UpgradeRefused
    keys = _values(head, b"sec-websocket-key")
    if len(keys) != 1 or not _is_nonce(keys[0]):
        raise BadRequest("A WebSocket handshake has exactly one key of 16 bytes.")


def _is_nonce(key: bytes) -> bool:
    try:
        return len(b64decode(key, validate=True)) == 16
    except Base64Error:
        return False


def _values(head: RequestHead, name: bytes) -> list[bytes]:
    return [value.strip(OWS) for key, value in head.fields if key.lower() == name]
