"""One RSA key and many access tokens of it, for every contender the same."""

import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

ISSUER = "http://localhost:8080"
AUDIENCE = "app"


@dataclass(frozen=True, slots=True)
class Material:
    """Where the files lie: private and public PEM, the JWKS text, a script for wrk with all tokens, and the tokens."""

    private: Path
    public: Path
    jwks: str
    script: Path
    tokens: tuple[str, ...]


def make(folder: Path, count: int) -> Material:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private, public = folder / "private.pem", folder / "public.pem"
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    private.chmod(0o600)
    public.write_bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    kid = thumbprint(jwk)
    jwk = {"kty": jwk["kty"], "n": jwk["n"], "e": jwk["e"], "kid": kid, "alg": "RS256", "use": "sig"}
    tokens = tuple(token(key, kid, number) for number in range(count))
    (folder / "jwks.json").write_text(json.dumps({"keys": [jwk]}))
    (folder / "tokens.txt").write_text("\n".join(tokens))
    write_load(folder, "tokens", "Authorization", [f"Bearer {text}" for text in tokens])
    return read(folder)


def read(folder: Path) -> Material:
    """Return what `make` wrote into this folder before."""
    return Material(
        private=folder / "private.pem",
        public=folder / "public.pem",
        jwks=(folder / "jwks.json").read_text(),
        script=folder / "tokens.lua",
        tokens=tuple((folder / "tokens.txt").read_text().split()),
    )


def thumbprint(jwk: dict[str, str]) -> str:
    """RFC 7638."""
    import base64
    import hashlib

    canonical = json.dumps({name: jwk[name] for name in ("e", "kty", "n")}, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(hashlib.sha256(canonical.encode()).digest()).rstrip(b"=").decode()


def token(key: rsa.RSAPrivateKey, kid: str, number: int) -> str:
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": f"user-{number}",
        "client_id": "web",
        "iat": now,
        "nbf": now,
        "exp": now + 7200,
        "jti": str(uuid.uuid4()),
        "sid": str(uuid.uuid4()),
        "seq": 0,
    }
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": kid, "typ": "at+jwt"})


def write_load(folder: Path, name: str, field: str, values: Sequence[str]) -> None:
    """Write what both loads show: `name`.lua for wrk, `name`.fields for `bench.paced`."""
    (folder / f"{name}.lua").write_text(lua(field, values))
    (folder / f"{name}.fields").write_text("\n".join(f"{field}: {value}" for value in values))


def lua(field: str, values: Sequence[str]) -> str:
    """A script for wrk whose requests show one value after the other."""
    rows = ",\n".join(f'"{value}"' for value in values)
    return (
        f"local values = {{\n{rows}\n}}\n"
        "local n = 0\n"
        "request = function()\n"
        "  n = n % #values + 1\n"
        f'  return wrk.format("GET", "/", {{ ["{field}"] = values[n] }})\n'
        "end\n"
        "done = function(summary, latency, requests)\n"
        '  io.write(string.format("RESULT %d %d %d %d %d %d %d\\n", summary.requests, summary.duration,\n'
        "    summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.write\n"
        "    + summary.errors.timeout, latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))\n"
        "end\n"
    )
