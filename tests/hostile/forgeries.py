"""Tokens that look like ours and are not good, made from one that is."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from time import time

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

from gateway.keys.ring import KeyRing

Part = Mapping[str, object]


def encoded(value: bytes) -> bytes:
    return base64.urlsafe_b64encode(value).rstrip(b"=")


def decoded(part: bytes) -> dict[str, object]:
    found: dict[str, object] = json.loads(base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)))
    return found


class Forger:
    """Signs with the gateway's own key whatever it is told, so that only the content is wrong."""

    def __init__(self, keys: KeyRing, good: bytes) -> None:
        self._key = keys.active.private
        self.good = good
        self.head, self.payload, self.signature = good.split(b".")
        self.header, self.claims = decoded(self.head), decoded(self.payload)

    def signed(self, header: Part | None = None, claims: Part | None = None, *, payload: bytes = b"") -> bytes:
        """A token with a proper signature; None in a mapping leaves a member out."""
        whole = {**self.header, **(header or {})}
        body = {name: value for name, value in {**self.claims, **(claims or {})}.items() if value is not None}
        return self._sign(json.dumps(whole).encode(), payload or json.dumps(body).encode())

    def _sign(self, header: bytes, payload: bytes) -> bytes:
        text = encoded(header) + b"." + encoded(payload)
        return text + b"." + encoded(jwt.get_algorithm_by_name("RS256").sign(text, self._key))

    def all(self) -> dict[bytes, bytes]:
        now = int(time())
        public = self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        other_key = rsa.generate_private_key(65537, 2048)
        hs256 = encoded(json.dumps({**self.header, "alg": "HS256"}).encode()) + b"." + self.payload
        duplicated = json.dumps(self.claims).encode()[:-1] + b', "sub": "admin"}'
        admin = encoded(json.dumps({**self.claims, "sub": "admin"}).encode())
        return {
            b"alg_none": encoded(json.dumps({**self.header, "alg": "none"}).encode()) + b"." + self.payload + b".",
            b"hs256_of_public_key": hs256 + b"." + encoded(hmac.digest(public, hs256, hashlib.sha256)),
            b"unknown_crit": self.signed({"crit": ["x"], "x": 1}),
            b"key_in_header": jwt.encode(
                self.claims,
                other_key,
                "RS256",
                headers={**self.header, "jwk": RSAAlgorithm.to_jwk(other_key.public_key(), as_dict=True)},
            ).encode(),
            b"key_by_address": jwt.encode(
                self.claims,
                other_key,
                "RS256",
                headers={**self.header, "jku": "https://evil/jwks.json", "x5u": "https://evil/x"},
            ).encode(),
            b"kid_of_a_path": self.signed({"kid": "../../dev/null"}),
            b"no_exp": self.signed(claims={"exp": None}),
            b"expired": self.signed(claims={"exp": now - 3600}),
            b"not_yet": self.signed(claims={"nbf": now + 3600}),
            b"no_audience": self.signed(claims={"aud": None}),
            b"wrong_audience": self.signed(claims={"aud": "else"}),
            b"other_type": self.signed({"typ": "rt+jwt"}),
            b"id_token": self.signed({"typ": "JWT"}),
            b"duplicate_claims": self.signed(payload=duplicated),
            b"changed_payload": b".".join((self.head, admin, self.signature)),
            b"changed_signature": self.good[:-8] + b"AAAAAAAA",
            b"no_signature": self.head + b"." + self.payload + b".",
            b"of_another_key": jwt.encode(self.claims, other_key, "RS256", headers=self.header).encode(),
            b"of_another_issuer": self.signed(claims={"iss": "https://evil.example"}),
            b"five_parts": b".".join((self.head, b"", self.payload, self.signature, b"AAAA")),
            b"huge_header": self.signed({"x": "a" * 30000}),
        }
