"""Keys for tests, made once: RSA takes its time."""

from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from gateway.keys.files import KeyPlace, load_key
from gateway.keys.ring import PrivateKey, RingKey


@cache
def private_key(kind: str) -> PrivateKey:
    """A key by its algorithm, or a bad one by what is wrong with it; `RS256 b` is another one of the same kind."""
    match kind.split(maxsplit=1)[0]:
        case "RS256" | "PS256":
            return rsa.generate_private_key(65537, 2048)
        case "small":
            return rsa.generate_private_key(65537, 1024)
        case "exponent-3":
            return rsa.generate_private_key(3, 2048)
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
        case "P-384":
            return ec.generate_private_key(ec.SECP384R1())
        case _:
            return ed25519.Ed25519PrivateKey.generate()


def pem_of(kind: str, password: bytes = b"") -> bytes:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return private_key(kind).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def public_pem_of(kind: str) -> bytes:
    return private_key(kind).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def key_file(path: Path, content: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    return path


def ring_key(kind: str = "ES256") -> RingKey:
    place = KeyPlace(kind.split(maxsplit=1)[0], env=f"KEY {kind}")
    return load_key(place, {place.env: pem_of(kind).decode()})
