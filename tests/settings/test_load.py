"""From a file to settings."""

import io
import sys
from pathlib import Path

import pytest

from gateway.errors import ConfigurationError
from gateway.settings.faults import ConfigurationFaults
from gateway.settings.load import load_settings
from gateway.settings.schema import DjangoSession, FlaskSession, Settings, WhoamiSession
from tests.settings.samples import MINIMAL, settings_of

ROOT = Path(__file__).resolve().parents[2]


def test_reads_a_file(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(MINIMAL)
    settings = load_settings(path, {})
    assert str(settings.public_url) == "https://www.example.com"
    assert settings.stores.embedded.file == tmp_path / "run" / "crossfade.db"


def test_file_names_do_not_depend_on_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gateway.yaml").write_text(MINIMAL)
    monkeypatch.chdir(tmp_path)
    settings = load_settings(Path("gateway.yaml"), {})
    assert settings.stores.embedded.file == tmp_path / "run" / "crossfade.db"


def test_reads_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(MINIMAL.encode())))
    assert load_settings(Path("-"), {}).issuer == "https://www.example.com"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "FILE: there is no such file; `crossfade init --upstream URL` writes one."),
        (b"#" * (1 << 20) + b"\n", "FILE: the file is larger than 1 MiB; that is no configuration."),
        (b"a: 1\nb: \xff\n", "FILE:2:4: error: the file is not UTF-8 text"),
        (b"\xff", "FILE:1:1: error: the file is not UTF-8 text"),
        (
            b"a: 1",
            "FILE:1:1: error: public_url: is required\nFILE:1:1: error: upstreams: is required\n"
            "FILE:1:1: error: a: unknown key",
        ),
    ],
)
def test_says_why_a_file_is_not_read(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    path = tmp_path / "gateway.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        load_settings(path, {})
    told = str(caught.value).replace(str(path), "FILE")
    assert sorted(line.partition(" (")[0] for line in told.split("\n")) == sorted(sentence.split("\n"))


def test_says_why_a_folder_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="the file cannot be read: Is a directory"):
        load_settings(tmp_path, {})


def test_every_fault_is_in_the_error(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text("listen: 1\nupstreams: 2\n")
    with pytest.raises(ConfigurationFaults) as caught:
        load_settings(path, {})
    assert [fault.path for fault in caught.value.faults] == ["public_url", "listen", "upstreams"]


def test_the_configuration_of_the_demo_has_no_fault() -> None:
    settings = load_settings(ROOT / "gateway.yaml", {})
    assert str(settings.listen) == "127.0.0.1:8080"
    assert str(settings.public_url) == "http://localhost:8080"
    assert str(settings.upstreams["app"].url) == "http://127.0.0.1:8000"
    assert [client.delivery for client in settings.clients] == ["cookie", "body"]
    assert settings.stores.embedded.file == ROOT / "run" / "crossfade.db"
    assert settings.stores.embedded.single_instance  # so that the demo also starts on the file system of a container
    (session,) = settings.sessions
    assert isinstance(session, DjangoSession)
    assert session.place.sqlite is not None
    assert session.place.sqlite.file == ROOT / "run" / "demo.db"


def test_defaults_are_those_of_the_design() -> None:
    settings = settings_of(MINIMAL)
    assert settings.tokens.model_dump(exclude_none=True) == {
        "audience": "app", "algorithm": "RS256", "access": 3600.0, "refresh": 604800.0, "leeway": 30.0, "grace": 30.0,
        "families": 20, "trust_store_alone": False,
    }  # fmt: skip
    assert (settings.prefix, settings.phase.initial, settings.phase.rollout) == ("/.crossfade", "parallel", 100.0)
    assert str(settings.admin.listen) == "127.0.0.1:9901"
    assert (settings.trusted_proxies, settings.cors.origins, settings.sessions) == ((), (), ())
    assert [(route.path, route.auth) for route in settings.routes] == [("/*", "optional")]
    assert (settings.drain.delay, settings.drain.timeout) == (5.0, 30.0)


SESSIONS = """\
tokens: { issuer: https://id.example, trust_store_alone: true }
sessions:
  - name: shop
    format: django
    place: { sqlite: { file: shop.db } }
    secrets: [{ env: NEW }, { env: OLD }]
    options: { binding: { table: accounts_user, active: '' } }
  - name: old
    format: django
    place: { cookie: {} }
    cookies: [oldsession]
    secrets: { env: OLD }
  - name: blog
    format: flask
    place: { cookie: {} }
    secrets: { env: BLOG }
    options: { lifetime: 1d }
  - name: wiki
    format: flask
    place: { cookie: {} }
    cookies: [wiki]
    secrets: { env: WIKI }
    pick: last
  - name: forum
    format: whoami
    place: { whoami: { url: 'http://127.0.0.1:9000/me' } }
    cookies: [PHPSESSID, sticky]
    user: user.id
    claims: { roles: user.groups }
"""


def test_sessions_know_what_follows_from_their_format() -> None:
    settings = settings_of(MINIMAL + SESSIONS)
    shop, old, blog, wiki, forum = settings.sessions
    assert isinstance(shop, DjangoSession)
    assert isinstance(old, DjangoSession)
    assert isinstance(blog, FlaskSession)
    assert isinstance(wiki, FlaskSession)
    assert isinstance(forum, WhoamiSession)
    assert (shop.backend, shop.picks, shop.cookies, shop.user) == ("db", "last", ("sessionid",), "_auth_user_id")
    assert shop.binding is not None
    assert (shop.binding.table, shop.binding.active) == ("accounts_user", "")
    assert (old.backend, old.binding) == ("signed_cookies", None)
    assert (blog.picks, blog.cookies, blog.remember) == ("first", ("session", "remember_token"), "remember_token")
    assert (blog.options.lifetime, blog.user) == (86400.0, "_user_id")
    assert (wiki.picks, wiki.remember) == ("last", "")
    assert (forum.picks, forum.user, forum.claims) == ("first", "user.id", {"roles": "user.groups"})
    assert settings.issuer == "https://id.example"


@pytest.mark.parametrize(
    ("names", "default"), [(["app", "shop"], "app"), (["shop", "app"], "app"), (["shop", "blog"], "shop")]
)
def test_the_default_application_is_app_or_the_first_one(names: list[str], default: str) -> None:
    upstreams = ", ".join(f"{name}: {{ url: http://{name} }}" for name in names)
    assert settings_of(f"public_url: https://a.b\nupstreams: {{ {upstreams} }}\n").default_upstream == default


@pytest.mark.parametrize(
    ("redis", "url", "secret"),
    [
        ("{ url: redis://h }", "redis://h", "None"),
        ("{ url: 'unix:///run/redis.sock?db=1' }", "unix:///run/redis.sock?db=1", "None"),
        ("{ env: REDIS_URL }", None, "<secret from env REDIS_URL>"),
        ("{ file: redis.url }", None, "<secret from file /etc/crossfade/redis.url>"),
    ],
)
def test_redis_is_named_by_an_address_or_a_secret(redis: str, url: str | None, secret: str) -> None:
    stores = settings_of(MINIMAL + f"stores: {{ redis: {redis} }}\n").stores
    assert stores.redis is not None
    assert (stores.redis.url, repr(stores.redis.secret)) == (url, secret)


def test_settings_do_not_change() -> None:
    settings = settings_of(MINIMAL)
    with pytest.raises(ValueError, match="frozen"):
        settings.prefix = "/x"


def test_settings_can_be_written_and_read_again() -> None:
    settings = settings_of(MINIMAL + SESSIONS)
    assert Settings.model_validate(settings.model_dump(mode="json", exclude_none=True)) == settings
