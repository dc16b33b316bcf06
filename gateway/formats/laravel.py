"""Laravel's Encrypter: AES-256 (or 128) in CBC with a MAC, or in GCM.

https://laravel.com/docs/12.x/encryption
"""

import base64
import hmac
import json
from collections.abc import Callable, Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.padding import PKCS7

from gateway.codec import Secrets, UnreadableSession, decode_base64, load_json


def find_decrypted(text: bytes, keys: Secrets) -> bytes | None:
    """Return what is encrypted in a base64 text of Laravel; None where no key fits. Nothing is decrypted before that.

    `keys` are APP_KEY and APP_PREVIOUS_KEYS as bytes.
    """
    try:
        sealed = load_json(decode_base64(text))
        if not isinstance(sealed, Mapping):
            return None
        parts = {name: _bytes_of(sealed.get(name, "")) for name in ("iv", "value", "mac", "tag")}
        return _decrypt_gcm(parts, keys) if parts["tag"] else _decrypt_cbc(parts, keys)
    except (UnreadableSession, ValueError):  # nobody who knows a key writes such a thing
        return None


def encrypted(text: bytes, key: bytes, entropy: Callable[[int], bytes]) -> bytes:
    """Encrypt text in CBC with a MAC, which is Laravel's default."""
    vector = entropy(16)
    padder = PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
    sealed = encryptor.update(padder.update(text) + padder.finalize()) + encryptor.finalize()
    iv, value = base64.b64encode(vector), base64.b64encode(sealed)
    mac = hmac.digest(key, iv + value, "sha256").hex()
    return base64.b64encode(json.dumps({"iv": iv.decode(), "value": value.decode(), "mac": mac, "tag": ""}).encode())


def _decrypt_cbc(parts: Mapping[str, bytes], keys: Secrets) -> bytes | None:
    for key in keys:
        mac = hmac.digest(key, parts["iv"] + parts["value"], "sha256").hex().encode()
        if hmac.compare_digest(mac, parts["mac"]):
            decryptor = Cipher(algorithms.AES(key), modes.CBC(decode_base64(parts["iv"]))).decryptor()
            padded = decryptor.update(decode_base64(parts["value"])) + decryptor.finalize()
            unpadder = PKCS7(128).unpadder()
            return unpadder.update(padded) + unpadder.finalize()
    return None


def _decrypt_gcm(parts: Mapping[str, bytes], keys: Secrets) -> bytes | None:
    tag = decode_base64(parts["tag"])
    if len(tag) != 16:  # a shorter one would be easier to guess
        return None
    for key in keys:
        try:
            return AESGCM(key).decrypt(decode_base64(parts["iv"]), decode_base64(parts["value"]) + tag, None)
        except InvalidTag:
            continue
    return None


def _bytes_of(value: object) -> bytes:
    if not isinstance(value, str):
        raise UnreadableSession
    return value.encode("ascii")
