"""The signing key that the embedded mode makes for itself on its first start, and never makes again."""

import os
from collections.abc import Mapping
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.errors import ConfigurationError
from gateway.keys.files import ALGORITHMS, KeyPlace, load_key, read_key
from gateway.keys.private_files import create_private_file
from gateway.keys.ring import PrivateKey, RingKey
from gateway.keys.volatile import MOUNTS, ensure_lasting


def generate_pem(algorithm: str) -> bytes:
    """Return a new private key as PEM (PKCS #8).

    Raises:
        ConfigurationError: the algorithm is not offered.
    """
    key: PrivateKey
    if algorithm in ("RS256", "PS256"):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    elif algorithm == "ES256":
        key = ec.generate_private_key(ec.SECP256R1())
    elif algorithm == "EdDSA":
        key = ed25519.Ed25519PrivateKey.generate()
    else:
        raise ConfigurationError(f"The algorithm {algorithm} is not offered. Use one of {', '.join(ALGORITHMS)}.")
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def generate_key(algorithm: str) -> RingKey:
    """Return a new key. RSA takes a tenth of a second and more: call it in a thread.

    Raises:
        ConfigurationError: the algorithm is not offered.
    """
    return read_key(generate_pem(algorithm), algorithm, "the gateway itself")


def load_or_generate_key(
    path: Path,
    algorithm: str,
    environ: Mapping[str, str],
    *,
    is_allowed_anywhere: bool = False,
    mounts: Path = MOUNTS,
) -> RingKey:
    """Load the key at `path`; make it first where there is none. One that is there is never replaced, however bad.

    `is_allowed_anywhere` says that somebody answers for there being one instance and a place that lasts.

    Raises:
        ConfigurationError: the key cannot be used, or must not be made here.
    """
    if not os.path.lexists(path):
        if not is_allowed_anywhere:
            ensure_lasting(path, "signing key", environ, mounts=mounts)
        try:
            create_private_file(path, generate_pem(algorithm), "signing key")
        except FileExistsError:
            pass  # another process was faster: its key counts
    return load_key(KeyPlace(algorithm, file=path), environ)
