"""One master secret, kept outside of every database, from which each purpose has a key of its own (HKDF, RFC 5869)."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.errors import ConfigurationError
from gateway.keys.private_files import create_private_file, read_private_file
from gateway.keys.volatile import MOUNTS, ensure_lasting

_SMALLEST = 32
_FEWEST_DISTINCT = 8
"""32 random bytes have more different ones than this in all but one of 10^20 cases; a placeholder has fewer."""
_WHAT = "master secret"


@dataclass(frozen=True, slots=True)
class DerivedKeys:
    """The keys of our own purposes, 32 bytes each. `vault_key_id` names the vault's key without telling it."""

    pepper: bytes = field(repr=False)
    vault_key: bytes = field(repr=False)
    session_hash_key: bytes = field(repr=False)
    signing_key_seal: bytes = field(repr=False)
    nonce_key: bytes = field(repr=False)
    ticket_key: bytes = field(repr=False)
    rollout_key: bytes = field(repr=False)
    vault_key_id: str


def derive_keys(master: bytes) -> DerivedKeys:
    """Derive all keys from a master secret."""
    return DerivedKeys(
        pepper=derive(master, "pepper"),
        vault_key=derive(master, "vault key"),
        session_hash_key=derive(master, "session hash"),
        signing_key_seal=derive(master, "signing key seal"),
        nonce_key=derive(master, "dpop nonce"),
        ticket_key=derive(master, "ticket"),
        rollout_key=derive(master, "rollout"),
        vault_key_id=derive(master, "vault key id")[:8].hex(),
    )


def derive(master: bytes, purpose: str) -> bytes:
    """Return the key of 32 bytes for one purpose; none tells anything about another or about the master."""
    info = f"crossfade/1/{purpose}".encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(master)


def load_master(environ: Mapping[str, str], *, env: str = "", file: Path | None = None) -> bytes:
    """Return the master secret from a file or an environment variable, whatever its encoding.

    Raises:
        ConfigurationError: it is missing, too short, or a placeholder.
    """
    if file is not None:
        source, master = f"the file {file}", read_private_file(file, _WHAT)
    elif env in environ:
        source, master = f"the environment variable {env}", environ[env].encode("utf-8", "surrogateescape")
    else:
        raise ConfigurationError(
            f"The environment variable {env} is not set; it must hold the {_WHAT}. Make one: openssl rand -hex 32"
        )
    return _ensure_strong(master.strip(), source)


def load_or_generate_master(
    path: Path, environ: Mapping[str, str], *, is_allowed_anywhere: bool = False, mounts: Path = MOUNTS
) -> bytes:
    """Return the master secret at `path`; make it first where there is none. One that is there is never replaced.

    Raises:
        ConfigurationError: it cannot be used, or must not be made here (see `generated.load_or_generate_key`).
    """
    if not os.path.lexists(path):
        if not is_allowed_anywhere:
            ensure_lasting(path, _WHAT, environ, mounts=mounts)
        try:
            create_private_file(path, secrets.token_hex(_SMALLEST).encode() + b"\n", _WHAT)
        except FileExistsError:
            pass  # another process was faster: its secret counts
    return load_master(environ, file=path)


def _ensure_strong(master: bytes, source: str) -> bytes:
    if len(master) < _SMALLEST:
        raise ConfigurationError(
            f"The {_WHAT} from {source} has {len(master)} bytes and needs {_SMALLEST}. Make one: openssl rand -hex 32"
        )
    if len(set(master)) < _FEWEST_DISTINCT:
        raise ConfigurationError(
            f"The {_WHAT} from {source} repeats a few characters. Make a random one: openssl rand -hex 32"
        )
    return master
