"""The way back: what can be told from a configuration that is broken everywhere else."""

from pathlib import Path

import pytest

from gateway.errors import ConfigurationError
from gateway.settings.last_good import last_good_path, read_last_good, write_last_good
from gateway.settings.load import load_settings
from gateway.settings.passthrough import Passthrough, load_passthrough

GOOD = """\
listen: 127.0.0.1:8081
public_url: https://www.example.com
upstreams:
  app: { url: http://127.0.0.1:9000, response_timeout: 5m }
  shop: { url: http://127.0.0.1:9001 }
trusted_proxies: [private]
routes:
  - { path: /shop/*, upstream: shop }
  - { path: /api/*, auth: required, in_off: deny }
  - { path: /* }
identity_headers: { subject: X-Who }
limits: { body: 5GiB }
drain: { delay: 1s }
admin: { listen: 0.0.0.0:9901, socket: /run/crossfade.sock }
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "gateway.yaml"


def found(config: Path, text: str, **environ: str) -> Passthrough:
    config.write_text(text)
    return load_passthrough(config, environ)


def url_of(passthrough: Passthrough) -> str:
    return str(passthrough.upstreams[passthrough.default_upstream].url)


def test_a_good_file_says_everything(config: Path) -> None:
    passthrough = found(config, GOOD)
    assert str(passthrough.listen) == "127.0.0.1:8081"
    assert str(passthrough.public_url) == "https://www.example.com"
    assert url_of(passthrough) == "http://127.0.0.1:9000"
    assert passthrough.upstreams["app"].response_timeout == 300.0
    assert passthrough.trusted_proxies == ("private",)
    assert [(route.path, route.upstream, route.in_off) for route in passthrough.routes] == [
        ("/shop/*", "shop", "app"),
        ("/api/*", None, "deny"),
        ("/*", None, "app"),
    ]
    assert passthrough.identity_headers.subject == "X-Who"
    assert passthrough.limits.body == 5 << 30
    assert (passthrough.drain.delay, passthrough.prefix) == (1.0, "/.crossfade")
    assert (str(passthrough.admin.listen), str(passthrough.admin.socket)) == ("0.0.0.0:9901", "/run/crossfade.sock")
    assert passthrough.notes == ()


UPSTREAMS = "upstreams: { app: { url: http://127.0.0.1:9000 } }\n"

BROKEN = {
    "sections that nobody needs": UPSTREAMS + "sessions: nonsense\nkeys: 7\nstores: [1]\nphase: { initial: shadow }\n",
    "no public URL": UPSTREAMS,
    "an unknown key": "upstreams: { app: { url: http://127.0.0.1:9000, wait: 1s } }\n",
    "a wrong value": "upstreams: { app: { url: http://127.0.0.1:9000, connect_timeout: soon } }\n",
    "a misspelt address": "upstreams: { app: { url: 127.0.0.1:9000 } }\n",
    "an unusable name beside it": "upstreams: { app: { url: http://127.0.0.1:9000 }, 'a b': { url: http://x } }\n",
    "another one without address": "upstreams: { app: { url: http://127.0.0.1:9000 }, shop: {} }\n",
    "a key twice": UPSTREAMS + UPSTREAMS.replace("9000", "1"),
    "no YAML at all behind it": UPSTREAMS + "routes: [\nkeys: 'x\n\t- {{{\n",
    "no YAML at all before it": "keys: 'x\n\t- {{{\nroutes: [\n" + UPSTREAMS,
    "a variable that is not set elsewhere": UPSTREAMS + "public_url: ${NOBODY}\n",
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_the_application_is_found_in_a_broken_file(config: Path, text: str) -> None:
    assert url_of(found(config, text)) == "http://127.0.0.1:9000"


def test_a_file_that_is_not_utf_8_is_read_as_far_as_it_is(config: Path) -> None:
    config.write_bytes(UPSTREAMS.encode() + b"keys: \xff\n")
    assert url_of(load_passthrough(config, {})) == "http://127.0.0.1:9000"


def test_what_is_plainly_meant_is_taken(config: Path) -> None:
    passthrough = found(config, UPSTREAMS + "listen: :8082\ndrain: { delay: 2 sec }\n")
    assert (str(passthrough.listen), passthrough.drain.delay) == ("0.0.0.0:8082", 2.0)
    assert passthrough.notes == (
        f"listen: taken from {config} as far as it can be read.",
        f"drain: taken from {config} as far as it can be read.",
    )


def test_a_wrong_entry_of_a_list_does_not_take_the_others_along(config: Path) -> None:
    passthrough = found(config, UPSTREAMS + "trusted_proxies: [nobody, private, 10.0.0.0/8, 7]\n")
    assert passthrough.trusted_proxies == ("private", "10.0.0.0/8")


def test_what_a_whole_file_leaves_out_has_its_default(config: Path) -> None:
    config.write_text(GOOD)
    assert write_last_good(load_settings(config, {}), last_good_path(config))
    passthrough = found(config, UPSTREAMS)
    assert str(passthrough.listen) == "127.0.0.1:8080"
    assert passthrough.limits.body == 1 << 30
    assert passthrough.notes == (f"public_url: taken from {last_good_path(config)}.",)


@pytest.mark.parametrize("text", [None, "", "upstreams: 'x\n", "upstreams: { app: {} }\nlisten: [\n", "- a\n"])
def test_what_cannot_be_read_comes_from_the_last_good_configuration(config: Path, text: str | None) -> None:
    config.write_text(GOOD)
    assert write_last_good(load_settings(config, {}), last_good_path(config))
    if text is None:
        config.unlink()
        passthrough = load_passthrough(config, {})
    else:
        passthrough = found(config, text)
    assert url_of(passthrough) == "http://127.0.0.1:9000"
    assert f"upstreams: taken from {last_good_path(config)}." in passthrough.notes
    if text != "":
        assert str(passthrough.listen) == "127.0.0.1:8081"
        assert [route.in_off for route in passthrough.routes] == ["app", "deny", "app"]
        assert passthrough.limits.body == 5 << 30


def test_rules_are_taken_whole_from_the_copy_before_a_faulty_half_from_the_file(config: Path) -> None:
    config.write_text(GOOD)
    assert write_last_good(load_settings(config, {}), last_good_path(config))
    passthrough = found(config, GOOD.replace("in_off: deny", "in_off: denny"))
    assert [route.in_off for route in passthrough.routes] == ["app", "deny", "app"]
    assert f"routes: taken from {last_good_path(config)}." in passthrough.notes


def test_without_a_copy_the_rules_that_can_be_read_count(config: Path) -> None:
    text = GOOD.replace("- { path: /* }", "- { pat: /* }")
    passthrough = found(config, text)
    assert [route.path for route in passthrough.routes] == ["/shop/*", "/api/*"]
    assert f"routes: taken from {config} as far as it can be read." in passthrough.notes


def test_a_route_to_an_application_that_is_gone_leads_to_the_default_one(config: Path) -> None:
    passthrough = found(config, GOOD.replace("  shop: {", "  shap: {"))
    assert [route.upstream for route in passthrough.routes] == [None, None, None]


def test_the_environment_comes_last(config: Path) -> None:
    environ = {"CROSSFADE_LISTEN": "127.0.0.1:7000", "CROSSFADE_UPSTREAM": "http://127.0.0.1:7001"}
    told = load_passthrough(config, environ)
    assert (str(told.listen), url_of(told)) == ("127.0.0.1:7000", "http://127.0.0.1:7001")
    assert told.notes[:2] == ("listen: taken from the environment.", "upstreams: taken from the environment.")
    assert url_of(found(config, UPSTREAMS, **environ)) == "http://127.0.0.1:9000"


def test_where_to_listen_has_a_default(config: Path) -> None:
    passthrough = found(config, UPSTREAMS + "listen: nowhere\n")
    assert str(passthrough.listen) == "127.0.0.1:8080"
    assert passthrough.notes[0] == "listen: cannot be read anywhere; its default is used."


@pytest.mark.parametrize("text", ["", "upstreams:\n", "upstreams: {}\n", "upstreams: { app: { url: ${NOBODY} } }\n"])
def test_only_an_unknown_application_is_an_error(config: Path, text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        found(config, text)
    assert str(caught.value) == (
        f"{config}: nothing tells where the application is: `upstreams` cannot be read there, and there is no copy in"
        f" {last_good_path(config)}. Set CROSSFADE_UPSTREAM, for example to http://127.0.0.1:8000."
    )


def test_the_copy_holds_no_secret_and_only_its_owner_reads_it(config: Path) -> None:
    secret = "stores: { secret: { env: MASTER }, redis: { env: REDIS_URL } }\nkeys: { env: SIGNING }\n"
    config.write_text(GOOD + secret)
    path = last_good_path(config)
    assert write_last_good(load_settings(config, {}), path)
    assert path.stat().st_mode & 0o777 == 0o600
    text = path.read_text()
    assert not any(word in text for word in ("MASTER", "REDIS_URL", "SIGNING", "stores", "keys"))
    assert [one.name for one in path.parent.iterdir()] == ["last-good.json"]


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"listen": "127.0.0.1:1', b"\xff", b"[" * 100_000])
def test_a_damaged_copy_is_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "last-good.json"
    path.write_bytes(content)
    assert read_last_good(path) == {}


def test_a_copy_that_cannot_be_written_stops_nothing(config: Path) -> None:
    config.write_text(GOOD)
    settings = load_settings(config, {})
    (config.parent / "run").write_text("a file where the folder should be")
    assert not write_last_good(settings, last_good_path(config))
    (config.parent / "taken" / "last-good.json").mkdir(parents=True)
    assert not write_last_good(settings, config.parent / "taken" / "last-good.json")
    assert [one.name for one in (config.parent / "taken").iterdir()] == ["last-good.json"]


SHARED = "stores: { postgres: { env: DSN }, secret: { env: S } }\nkeys: [{ env: K }]\n"


@pytest.mark.parametrize(
    ("more", "workers"),
    [("", 1), ("workers: 3\n", 3), (SHARED, "auto"), (SHARED + "workers: 1\n", 1), (SHARED + "colour: blue\n", "auto")],
)
def test_as_many_processes_carry_requests_as_before(config: Path, more: str, workers: object) -> None:
    assert found(config, GOOD + more).workers == workers


@pytest.mark.parametrize(("more", "workers"), [("", 1), (SHARED, "auto"), (SHARED + "workers: 4\n", 4)])
def test_the_copy_tells_how_many_they_were(config: Path, more: str, workers: object) -> None:
    config.write_text(GOOD + more)
    write_last_good(load_settings(config, {}), last_good_path(config))
    assert found(config, "upstreams: {").workers == workers
