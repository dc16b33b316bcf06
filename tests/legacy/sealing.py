"""Sessions of every codec with content of the test's choice, signed or encrypted with the right secret.

A fuzzer that changes a signed byte gets no further than the signature. Here the signature is made last, so that what
was changed reaches what reads it.
"""

import base64
import hashlib
import hmac
import json
import pickle
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import msgpack
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.padding import PKCS7
from itsdangerous import Signer, TimestampSigner

from gateway.codec import Lookup, Query, Row, SessionCodec, UserMapping
from gateway.formats.django import Binding
from gateway.formats.rails import DeviseBinding, derive_keys
from gateway.legacy.columns import ColumnRecords, JsonRecords
from gateway.legacy.django import DjangoDatabase, DjangoSignedCookies
from gateway.legacy.django_entries import DjangoCache, DjangoFile
from gateway.legacy.express import ExpressCookie, ExpressRecords
from gateway.legacy.flask import FlaskCookie
from gateway.legacy.flask_session import FlaskSessionRecords
from gateway.legacy.laravel import LaravelRecords
from gateway.legacy.php import PhpRecords
from gateway.legacy.rails import RailsCookie
from gateway.legacy.rails_records import RailsAuthentication, RailsRecords
from gateway.legacy.spring import SpringRedis
from gateway.legacy.starlette import StarletteCookie
from gateway.legacy.users import WithUsers
from gateway.model import Verdict
from tests.legacy.reading import verdict_of
from tests.legacy.vectors import VECTORS

NOW = 1_800_000_000.0
SECRET, KEY, ID = b"sekrit", b"k" * 32, "A1b2" * 10
USER = UserMapping("main", "user_id", {"roles": "roles"})
RAILS = derive_keys((b"s" * 64,))

Cookies = Mapping[bytes, bytes]
Seal = Callable[[bytes], tuple[Cookies, Row | None]]
"""From content to the cookies that a client shows and the record that its session has."""


_TABLES_OF_USERS = {"users", "auth_user"}


@dataclass(frozen=True)
class Sealed:
    """A codec, how content gets under its signature, and content that the framework could have written."""

    codec: SessionCodec
    seal: Seal
    seeds: Sequence[bytes]

    def read(self, content: bytes) -> Verdict:
        """Return the verdict about a session with this content. The user's row is any."""
        cookies, record = self.seal(content)

        def fetch(query: Query) -> Row | None:
            if isinstance(query, Lookup) and query.table in _TABLES_OF_USERS:
                return ("1",) * len(query.columns)
            return record

        self.codec.locate(cookies)
        return verdict_of(self.codec, cookies, NOW, fetch)


# --- how each framework signs and encrypts ---


def django_text(payload: bytes, salt: bytes) -> bytes:
    value = payload + b":1xVOAo"
    mac = hmac.digest(hashlib.sha256(salt + b"signer" + SECRET).digest(), value, "sha256")
    return value + b":" + base64.urlsafe_b64encode(mac).rstrip(b"=")


def packed(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def squeezed(content: bytes) -> bytes:
    return b"." + packed(zlib.compress(content))


def before_django_3_1(content: bytes) -> bytes:
    key = hashlib.sha1(b"django.contrib.sessionsSessionStore" + SECRET).digest()
    return base64.b64encode(hmac.digest(key, content, "sha1").hex().encode() + b":" + content)


def flask_text(payload: bytes) -> bytes:
    signer = TimestampSigner(SECRET, b"cookie-session", key_derivation="hmac", digest_method=hashlib.sha1)
    signer.get_timestamp = lambda: int(NOW) - 60  # type: ignore[method-assign]
    return signer.sign(payload)


def starlette_text(payload: bytes) -> bytes:
    signer = TimestampSigner(SECRET)
    signer.get_timestamp = lambda: int(NOW) - 60  # type: ignore[method-assign]
    return signer.sign(payload)


def remembered(subject: bytes) -> bytes:
    return subject + b"|" + hmac.digest(SECRET, subject, "sha512").hex().encode()


def padded(content: bytes) -> bytes:
    padder = PKCS7(128).padder()
    return padder.update(content) + padder.finalize()


def laravel_text(content: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES(KEY), modes.CBC(bytes(16))).encryptor()
    iv, value = base64.b64encode(bytes(16)), base64.b64encode(encryptor.update(padded(content)) + encryptor.finalize())
    mac = hmac.digest(KEY, iv + value, "sha256").hex()
    return base64.b64encode(json.dumps({"iv": iv.decode(), "value": value.decode(), "mac": mac, "tag": ""}).encode())


def rails_text(content: bytes) -> bytes:
    nonce = hashlib.sha256(content).digest()[:12]
    sealed = AESGCM(RAILS[0].encrypted).encrypt(nonce, content, None)
    return quote(b"--".join(base64.b64encode(part) for part in (sealed[:-16], nonce, sealed[-16:]))).encode()


def rails_text_before_5_2(content: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES(RAILS[1].encrypted_before_5_2), modes.CBC(bytes(16))).encryptor()
    parts = (encryptor.update(padded(content)) + encryptor.finalize(), bytes(16))
    return rails_signed(b"--".join(base64.b64encode(part) for part in parts), RAILS[1].mac_before_5_2)


def rails_signed(content: bytes, key: bytes) -> bytes:
    value = base64.b64encode(content)
    return quote(value + b"--" + hmac.digest(key, value, "sha1").hex().encode()).encode()


def rails_envelope(content: bytes) -> bytes:
    message = base64.b64encode(content).decode()
    return rails_text(json.dumps({"_rails": {"message": message, "exp": None, "pur": "cookie._a"}}).encode())


def express_signed_id() -> bytes:
    mac = base64.b64encode(hmac.digest(SECRET, ID.encode(), "sha256")).decode().rstrip("=")
    return quote(f"s:{ID}.{mac}").encode()


def express_cookies(content: bytes) -> Cookies:
    value = base64.b64encode(content)
    mac = hmac.digest(SECRET, b"session=" + value, "sha1")
    return {b"session": value, b"session.sig": base64.urlsafe_b64encode(mac).rstrip(b"=")}


# --- content ---

JSON = [
    json.dumps({"user_id": "1", "roles": ["staff"], "_auth_user_hash": "0" * 64}).encode(),
    json.dumps({"user_id": {" u": "0" * 32}, " t": [1], "roles": {" di": {"a__": 1}}, "_permanent": True}).encode(),
    b'{"user_id": 1, "_session_expiry": 60}',
    b'{"user_id": 1, "_remember": "clear", "roles": [[[[1.5, null, -7e300]]]]}',
]
PHP = [
    base64.b64decode(VECTORS["laravel"]["vectors"]["sess"]),
    b'a:2:{s:7:"user_id";i:1;s:5:"roles";a:1:{i:0;s:5:"staff";}}',
    b's:20:"a:1:{s:1:"x";i:1;}  ";',
]
PHP_BY_NAME = [VECTORS["php"]["php_handler"].encode(), b'user_id|i:1;x|R:1;roles|a:1:{i:0;s:5:"staff";}']
MARSHAL = [base64.b64decode(VECTORS["rails"]["vectors"]["marshal_b64"]), b'\x04\x08{\x06I"\x0cuser_id\x06:\x06ETi\x06']
PICKLES = [pickle.dumps({"user_id": 1, "roles": ["staff", 2.5, None]}, protocol=protocol) for protocol in (0, 2, 5)]
MSGPACK = [bytes(msgpack.packb({"user_id": 1, "roles": ["staff", 1.5, None, True], 7: b"x"}))]
JAVA = [base64.b64decode(text) for text in VECTORS["spring"]["vectors"]]
LAST_ACCESS, INTERVAL = b"%d" % (NOW * 1000 - 60_000), b"1800"
DEVISE = [b'{"session_id":"0123456789abcdef","user_id":1,"warden.user.user.key":[[1],"' + b"x" * 29 + b'"]}']

DJANGO_SALT = b"django.contrib.sessions.SessionStore"
DJANGO_COOKIE_SALT = b"django.contrib.sessions.backends.signed_cookies"
_KEY_OF_DJANGO, _LATER = {b"sessionid": b"0123456789abcdef"}, "2999-01-01 00:00:00"


def _flask_session(data: bytes) -> tuple[Cookies, Row]:
    signer = Signer(SECRET, "flask-session", key_derivation="hmac", digest_method=hashlib.sha1)
    return {b"session": signer.sign(b"x" * 43)}, (data, _LATER)


def _laravel_cookie() -> Cookies:
    return {b"laravel_session": VECTORS["laravel"]["vectors"]["aes-256-cbc"].encode()}


SEALED: dict[str, Sealed] = {
    "django_database": Sealed(
        DjangoDatabase(USER, (SECRET,), binding=Binding()),
        lambda content: (_KEY_OF_DJANGO, (django_text(packed(content), DJANGO_SALT).decode(), _LATER)),
        JSON,
    ),
    "django_database_compressed": Sealed(
        DjangoDatabase(USER, (SECRET,)),
        lambda content: (_KEY_OF_DJANGO, (django_text(squeezed(content), DJANGO_SALT).decode(), _LATER)),
        JSON,
    ),
    "django_database_before_3_1": Sealed(
        DjangoDatabase(USER, (SECRET,)),
        lambda content: (_KEY_OF_DJANGO, (before_django_3_1(content).decode(), _LATER)),
        JSON,
    ),
    "django_signed_payload": Sealed(  # what is not packed as Django does, under Django's signature
        DjangoSignedCookies(USER, (SECRET,), max_age=1e10),
        lambda content: ({b"sessionid": django_text(content, DJANGO_COOKIE_SALT)}, None),
        [squeezed(JSON[0]), packed(JSON[1]), packed(JSON[0]) + b":x"],
    ),
    "django_signed_cookie": Sealed(
        DjangoSignedCookies(USER, (SECRET,), max_age=1e10, is_sliding=True, binding=Binding()),
        lambda content: ({b"sessionid": django_text(squeezed(content), DJANGO_COOKIE_SALT)}, None),
        JSON,
    ),
    "django_file": Sealed(
        DjangoFile(USER, (SECRET,)),
        lambda content: (_KEY_OF_DJANGO, (django_text(packed(content), DJANGO_SALT), NOW)),
        JSON,
    ),
    "django_cache": Sealed(DjangoCache(USER, (SECRET,)), lambda content: (_KEY_OF_DJANGO, (content,)), PICKLES),
    "django_cache_compressed": Sealed(
        DjangoCache(USER, (SECRET,), serializer="msgpack"),
        lambda content: (_KEY_OF_DJANGO, (zlib.compress(content),)),
        MSGPACK,
    ),
    "flask_cookie": Sealed(
        FlaskCookie(USER, (SECRET,)), lambda content: ({b"session": flask_text(packed(content))}, None), JSON
    ),
    "flask_payload": Sealed(
        FlaskCookie(USER, (SECRET,)),
        lambda content: ({b"session": flask_text(content)}, None),
        [squeezed(JSON[0]), packed(JSON[1])],
    ),
    "flask_remember": Sealed(
        FlaskCookie(USER, (SECRET,)), lambda content: ({b"remember_token": remembered(content)}, None), [b"42", b"a|b"]
    ),
    "flask_session": Sealed(
        FlaskSessionRecords(USER, (SECRET,), is_signed=True, table="sessions"),
        _flask_session,
        [*MSGPACK, *PICKLES[1:], *JSON],
    ),
    "starlette": Sealed(
        StarletteCookie(USER, (SECRET,)),
        lambda content: ({b"session": starlette_text(base64.b64encode(content))}, None),
        JSON,
    ),
    "express_cookie": Sealed(ExpressCookie(USER, (SECRET,)), lambda content: (express_cookies(content), None), JSON),
    "express_records": Sealed(
        ExpressRecords(USER, (SECRET,)),
        lambda content: ({b"connect.sid": express_signed_id()}, (content,)),
        [VECTORS["express"]["redis_value"].encode(), *JSON],
    ),
    "laravel_cookie": Sealed(
        LaravelRecords(USER, (KEY,)),
        lambda content: ({b"laravel_session": laravel_text(content)}, (PHP[1], NOW)),
        [hmac.digest(KEY, b"laravel_sessionv2", "sha1").hex().encode() + b"|" + ID.encode()],
    ),
    "laravel_database": Sealed(
        LaravelRecords(USER, (KEY,), table="sessions"),
        lambda content: (_laravel_cookie(), (base64.b64encode(content).decode(), NOW)),
        [*PHP, *JSON],
    ),
    "laravel_redis": Sealed(
        LaravelRecords(USER, (KEY,)), lambda content: (_laravel_cookie(), (content, NOW)), [*PHP, *JSON]
    ),
    "laravel_encrypted": Sealed(
        LaravelRecords(USER, (KEY,)), lambda content: (_laravel_cookie(), (laravel_text(content), NOW)), [*PHP, *JSON]
    ),
    "php": Sealed(PhpRecords(USER), lambda content: ({b"PHPSESSID": b"0" * 32}, (content,)), PHP_BY_NAME),
    "php_serialize": Sealed(
        PhpRecords(USER, handler="php_serialize"), lambda content: ({b"PHPSESSID": b"0" * 32}, (content,)), PHP
    ),
    "rails_cookie": Sealed(
        RailsCookie(USER, RAILS, b"_a", DeviseBinding()),
        lambda content: ({b"_a": rails_text(content)}, None),
        [*JSON, *MARSHAL, *DEVISE, b'{"_rails":{"message":"e30=","exp":"2999-01-01T00:00:00Z","pur":"cookie._a"}}'],
    ),
    "rails_envelope": Sealed(
        RailsCookie(USER, RAILS, b"_a"), lambda content: ({b"_a": rails_envelope(content)}, None), [*JSON, *MARSHAL]
    ),
    "rails_cookie_before_5_2": Sealed(
        RailsCookie(USER, RAILS, b"_a"),
        lambda content: ({b"_a": rails_text_before_5_2(content)}, None),
        [*JSON, *MARSHAL],
    ),
    "rails_records": Sealed(
        RailsRecords(USER, b"sid", table="sessions"),
        lambda content: ({b"sid": b"0" * 32}, (base64.b64encode(content).decode(),)),
        MARSHAL,
    ),
    "rails_redis": Sealed(
        RailsRecords(USER, b"sid", prefix="session:"),
        lambda content: ({b"sid": b"0" * 32}, (content,)),
        [*JSON, *MARSHAL],
    ),
    "rails_authentication": Sealed(
        RailsAuthentication(USER, RAILS),
        lambda content: ({b"session_id": rails_signed(content, RAILS[1].signed)}, ("1", "staff")),
        [b'{"_rails":{"message":"Nw==","exp":null,"pur":"cookie.session_id"}}', b"7", b'"7"'],
    ),
    "spring_redis": Sealed(
        SpringRedis(UserMapping("main", "name")),
        lambda content: ({b"SESSION": base64.b64encode(b"0" * 32)}, (content, LAST_ACCESS, INTERVAL)),
        [*JAVA, b'{"authentication":{"principal":"ann","authorities":["x",[{"role":"A"}]]}}'],
    ),
    "spring_times": Sealed(
        SpringRedis(UserMapping("main", "name")),
        lambda content: ({b"SESSION": base64.b64encode(b"0" * 32)}, (JAVA[0], content, content)),
        [*JAVA[1:], LAST_ACCESS, INTERVAL, b"-1"],
    ),
    "json_records": Sealed(
        WithUsers(JsonRecords(USER, b"sid", "sess:"), "main", "users", claims={"plan": "plan"}),
        lambda content: ({b"sid": b"x"}, (content,)),
        JSON,
    ),
    "columns": Sealed(
        ColumnRecords(USER, b"sid", "t", "k", expires="e"),
        lambda content: ({b"sid": b"x"}, (content.decode("utf-8", "surrogateescape"), "1", "staff")),
        [b"2999-01-01 00:00:00+02:00", b"2999-01-01"],
    ),
}
"""Each codec under each of its signatures and around each of its serializations."""
