"""Cache entries and files that a real Django wrote: our verdict is what Django itself says."""

import pickle
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.codec import Entry, Query, Row, UserMapping
from gateway.formats.django import Binding
from gateway.legacy.django_entries import DjangoCache, DjangoFile, Serializer
from gateway.model import Anonymous, LegacySession, Undetermined
from tests.legacy.reading import Fetch, entries_of, rows_of, verdict_of
from tests.legacy.real_django import RealDjango
from tests.servers import RedisServer

USER = UserMapping("main", "_auth_user_id", {"cart": "cart"})
SECRETS = (b"a secret",)
CACHE = "django.contrib.sessions.backends.cache"
DJANGO_REDIS: dict[str, object] = {"BACKEND": "django_redis.cache.RedisCache"}
OPTIONS: dict[str, tuple[Serializer, dict[str, object]]] = {
    "django": ("pickle", {"BACKEND": "django.core.cache.backends.redis.RedisCache"}),
    "django-redis": ("pickle", DJANGO_REDIS),
    "django-redis json": (
        "json",
        {**DJANGO_REDIS, "OPTIONS": {"SERIALIZER": "django_redis.serializers.json.JSONSerializer"}},
    ),
    "django-redis msgpack": (
        "msgpack",
        {**DJANGO_REDIS, "OPTIONS": {"SERIALIZER": "django_redis.serializers.msgpack.MSGPackSerializer"}},
    ),
    "django-redis zlib": (
        "pickle",
        {**DJANGO_REDIS, "OPTIONS": {"COMPRESSOR": "django_redis.compressors.zlib.ZlibCompressor"}},
    ),
}


def present() -> float:
    """What the framework itself takes for the time; it has no clock to set."""
    return datetime.now(UTC).timestamp()


def both(entries: Fetch, rows: Fetch) -> Fetch:
    """Entries in one place, users in another."""
    return lambda query: (entries if isinstance(query, Entry) else rows)(query)


@pytest.fixture(params=OPTIONS)
def cached(
    request: pytest.FixtureRequest, frameworks_redis: RedisServer, tmp_path: Path
) -> Iterator[tuple[RealDjango, DjangoCache, Fetch]]:
    serializer, options = OPTIONS[request.param]
    caches = {"default": {"LOCATION": frameworks_redis.url, **options}}
    app = RealDjango(tmp_path / "app.db", SESSION_ENGINE=CACHE, CACHES=caches)
    codec = DjangoCache(USER, SECRETS, serializer=serializer, binding=Binding())
    yield app, codec, both(entries_of(frameworks_redis), rows_of(app.database))
    app.close()


def test_a_cached_session_from_login_to_logout(cached: tuple[RealDjango, DjangoCache, Fetch]) -> None:
    django, codec, fetch = cached
    cookie = django.log_in("ada", cart=["a thing"] * 40)
    shown = {b"sessionid": cookie.encode()}
    verdict = verdict_of(codec, shown, present(), fetch)
    assert verdict == LegacySession("main", cookie, "1", {"cart": ["a thing"] * 40}, is_bound=True)
    assert django.who(cookie) == "1"
    django.do("set", user="ada", password="another")
    assert verdict_of(codec, shown, present(), fetch) == Anonymous("not_bound")
    assert django.who(cookie) == ""
    cookie = django.log_in("eve")
    django.do("log_out", cookie=cookie)
    assert verdict_of(codec, {b"sessionid": cookie.encode()}, present(), fetch) == Anonymous("gone")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sessions")


@pytest.fixture(scope="module")
def filed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealDjango]:
    engine = "django.contrib.sessions.backends.file"
    database = tmp_path_factory.mktemp("django") / "app.db"
    app = RealDjango(database, SESSION_ENGINE=engine, SESSION_FILE_PATH=str(folder))
    yield app
    app.close()


FILE = DjangoFile(USER, SECRETS)


def files_of(folder: Path) -> Fetch:
    def fetch(query: Query) -> Row | None:
        assert isinstance(query, Entry)
        path = folder / f"{query.prefix}{query.name}"
        return (path.read_bytes(), path.stat().st_mtime) if path.exists() else None

    return fetch


def test_a_filed_session_from_login_to_logout(filed: RealDjango, folder: Path) -> None:
    cookie = filed.log_in("ada")
    shown = {b"sessionid": cookie.encode()}
    verdict = verdict_of(FILE, shown, present(), files_of(folder))
    assert isinstance(verdict, LegacySession)
    assert (verdict.key, verdict.subject) == (cookie, filed.who(cookie))
    assert verdict.expires_at is not None
    assert abs(verdict.expires_at - present() - 14 * 86400) < 60
    assert verdict_of(FILE, shown, verdict.expires_at, files_of(folder)) == Anonymous("expired")
    filed.do("log_out", cookie=cookie)
    assert verdict_of(FILE, shown, present(), files_of(folder)) == Anonymous("gone")


def test_a_filed_session_is_held_against_the_password(filed: RealDjango, folder: Path) -> None:
    cookie = filed.log_in("bob")
    codec = DjangoFile(USER, SECRETS, binding=Binding())
    fetch = both(files_of(folder), rows_of(filed.database))
    shown = {b"sessionid": cookie.encode()}
    verdict = verdict_of(codec, shown, present(), fetch)
    assert isinstance(verdict, LegacySession)
    assert verdict.is_bound
    filed.do("set", user="bob", password="another")
    assert verdict_of(codec, shown, present(), fetch) == Anonymous("not_bound")


def test_a_session_may_say_itself_when_it_ends(filed: RealDjango, folder: Path) -> None:
    cookie = filed.log_in("ada", _session_expiry="2999-01-01T00:00:00+00:00")
    verdict = verdict_of(FILE, {b"sessionid": cookie.encode()}, present(), files_of(folder))
    assert isinstance(verdict, LegacySession)
    assert verdict.expires_at == datetime(2999, 1, 1, tzinfo=UTC).timestamp()
    brief = filed.log_in("ada", _session_expiry=60)
    verdict = verdict_of(FILE, {b"sessionid": brief.encode()}, present(), files_of(folder))
    assert isinstance(verdict, LegacySession)
    assert verdict.expires_at is not None
    assert verdict.expires_at < present() + 61


def test_a_file_that_another_secret_signed_is_nobodys(filed: RealDjango, folder: Path) -> None:
    cookie = filed.log_in("ada")
    codec = DjangoFile(USER, (b"another",))
    assert verdict_of(codec, {b"sessionid": cookie.encode()}, 0, files_of(folder)) == Anonymous("bad_signature")


def test_a_file_that_is_empty_is_not_written_yet() -> None:
    assert verdict_of(FILE, {b"sessionid": b"0123456789"}, 0, lambda _: (b"", 1.0)) == Anonymous("gone")


@pytest.mark.parametrize("cookie", [b"", b"short", b"../../../../etc/passwd", b"ABCDEFGHIJ", b"x" * 41])
@pytest.mark.parametrize("codec", [FILE, DjangoCache(USER, SECRETS)])
def test_a_cookie_that_cannot_be_a_key_asks_for_nothing(codec: DjangoFile | DjangoCache, cookie: bytes) -> None:
    def fetch(_: Query) -> Row | None:
        raise AssertionError

    assert verdict_of(codec, {b"sessionid": cookie}, 0, fetch) == Anonymous("absent")


class Exploit:
    """What an attacker who may write into the cache would put there."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return exec, ("raise SystemExit('executed')",)


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_is_never_a_program(protocol: int) -> None:
    record = pickle.dumps({"_auth_user_id": "1", "when": datetime.now(UTC), "evil": Exploit()}, protocol)
    verdict = verdict_of(DjangoCache(USER, SECRETS), {b"sessionid": b"0123456789"}, 0, lambda _: (record,))
    assert verdict == LegacySession("main", "0123456789", "1")
    record = pickle.dumps({"_auth_user_id": Exploit()}, protocol)
    verdict = verdict_of(DjangoCache(USER, SECRETS), {b"sessionid": b"0123456789"}, 0, lambda _: (record,))
    assert verdict == Undetermined("unreadable")


def shared() -> object:
    """Thirty lists, each of the one before twice: 100 bytes that unfold to a thousand million values."""
    value: object = [1]
    for _ in range(30):
        value = [value, value]
    return {"_auth_user_id": "1", "cart": value}


@pytest.mark.parametrize(
    "record",
    [
        pickle.dumps(shared()),
        b"\x80\x04}r\xff\xff\xff\x7f.",  # a place in the memo with a huge number
        b"\x80\x05\x96\xff\xff\xff\xff\xff\xff\xff\x00.",  # a byte array of many gigabytes
        b"\x80\x04}\x94",
        b"\x80\x04.",
        b"x",
        pickle.dumps(1),
    ],
)
def test_a_pickle_is_never_larger_than_it_looks(record: bytes) -> None:
    verdict = verdict_of(DjangoCache(USER, SECRETS), {b"sessionid": b"0123456789"}, 0, lambda _: (record,))
    assert verdict == Undetermined("unreadable")
