"""`crossfade session explain`: whose session a Cookie header is, told without showing it."""

from pathlib import Path

import flask
import pytest
from flask.sessions import SecureCookieSessionInterface

from tests.cli.commands import MINIMAL, Asked, Said, crossfade, http_server

KEY = "canary-key-of-the-application"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.yaml"
    path.write_text(
        MINIMAL + "tokens: { trust_store_alone: true }\n"
        "sessions:\n"
        "  - { name: blog, format: flask, place: { cookie: {} }, secrets: { env: BLOG_KEY } }\n"
        "  - { name: shop, format: django, place: { sqlite: { file: shop.db } }, secrets: { env: BLOG_KEY } }\n"
    )
    return path


def cookie_of(user: str) -> str:
    """A session cookie as Flask itself writes it."""
    app = flask.Flask("blog")
    app.secret_key = KEY
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert serializer is not None
    return str(serializer.dumps({"_user_id": user}))


def test_tells_whose_session_it_is(config: Path) -> None:
    cookie = cookie_of("ada")
    ended = crossfade(
        *("session", "explain", "--cookie", "-", "--name", "blog", "-c", config),
        env={"BLOG_KEY": KEY},
        stdin=f"Cookie: theme=dark; session={cookie}\n",
    )
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0] == "blog (flask)"
    assert "  It is the session of user `ada`." in lines
    assert cookie not in ended.out
    assert KEY not in ended.out


def test_tells_about_every_session_that_is_configured(config: Path) -> None:
    ended = crossfade("session", "explain", "--cookie", "-", "-c", config, env={"BLOG_KEY": KEY}, stdin="a=b")
    assert [line for line in ended.out.splitlines() if not line.startswith(" ")] == ["blog (flask)", "shop (django)"]
    assert ended.out.count("  It is anonymous.") == 2


def test_an_empty_header_is_anonymous(config: Path) -> None:
    words = ("session", "explain", "--cookie", "-", "--name", "blog", "-c", config)
    assert "It is anonymous." in crossfade(*words, env={"BLOG_KEY": KEY}).out


def test_asks_nobody_but_the_configured_place(config: Path) -> None:
    asked: list[Asked] = []

    def talk(question: Asked) -> Said:
        asked.append(question)
        return Said(200, b'{"id": "ada"}')

    with http_server(talk) as address:
        config.write_text(
            MINIMAL + "sessions:\n  - name: wiki\n    format: whoami\n    cookies: [PHPSESSID]\n"
            f"    place: {{ whoami: {{ url: 'http://{address}/me' }} }}\n"
        )
        ended = crossfade("session", "explain", "--cookie", "-", "-c", config, stdin="PHPSESSID=canary; other=1")
    assert "  It is the session of user `ada`." in ended.out.splitlines()
    assert [(question.path, question.headers["cookie"]) for question in asked] == [("/me", "PHPSESSID=canary")]
    assert "canary" not in ended.out


@pytest.mark.parametrize(
    ("words", "stdin", "code", "sentence"),
    [
        (("--cookie", "session=x"), "", 2, "'session=x' is not '-'."),
        ((), "", 2, "Missing option '--cookie'."),
        (("--cookie", "-"), "x" * 70_000, 2, "The Cookie header is larger than 64 KiB."),
        (("--cookie", "-", "--name", "forum"), "", 78, "No session of that name is configured; there is blog, shop."),
        (("--cookie", "-"), "", 78, "The environment variable BLOG_KEY is not set; it must hold a secret."),
    ],
)
def test_says_why_it_tells_nothing(config: Path, words: tuple[str, ...], stdin: str, code: int, sentence: str) -> None:
    ended = crossfade("session", "explain", *words, "-c", config, stdin=stdin, env={"BLOG_KEY": None})
    assert (ended.code, sentence in " ".join(ended.err.split())) == (code, True), ended.err
