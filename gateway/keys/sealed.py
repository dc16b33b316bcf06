"""Private keys as a store keeps them: AES-256-GCM under a key derived from the master secret, which is not there."""

import os
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.errors import ConfigurationError
from gateway.keys.files import read_key
from gateway.keys.ring import RingKey
from gateway.records import KeyRecord

_VERSION = b"\x01"
_NONCE = 12


@dataclass(frozen=True, slots=True)
class KeySeal:
    """Seals and opens private keys under a key of 32 bytes; a sealed key cannot pass for another `kid` or algorithm."""

    key: bytes = field(repr=False)

    def seal(self, key: RingKey) -> KeyRecord:
        """Return the record of a key with its private part sealed; its times are for the caller to set."""
        plain = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        nonce = os.urandom(_NONCE)
        sealed = _VERSION + nonce + AESGCM(self.key).encrypt(nonce, plain, _bound_to(key.kid, key.algorithm))
        return KeyRecord(key.kid, key.algorithm, 0.0, 0.0, sealed=sealed)

    def open(self, record: KeyRecord) -> RingKey:
        """Return the key of a record that has one.

        Raises:
            ConfigurationError: it was sealed under another master secret, changed, or is not the key that it names.
        """
        sealed = record.sealed or b""
        nonce, content = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
        try:
            plain = AESGCM(self.key).decrypt(nonce, content, _bound_to(record.kid, record.algorithm))
        except (InvalidTag, ValueError):
            raise ConfigurationError(
                f"The signing key {record.kid} in the database cannot be opened: it was sealed with another master "
                "secret. Start with the one of before (stores.secret)."
            ) from None
        key = read_key(plain, record.algorithm, "the database")
        if key.kid != record.kid:
            raise ConfigurationError(f"The signing key {record.kid} in the database is another one.")
        return key


def _bound_to(kid: str, algorithm: str) -> bytes:
    return f"crossfade/signing key/{algorithm}/{kid}".encode()
