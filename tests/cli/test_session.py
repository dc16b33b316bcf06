"""`crossfade session explain`: whose session a Cookie header is, told without showing it."""

import asyncio
from pathlib import Path

import flask
import pytest
from flask.sessions import SecureCookieSessionInterface

from gateway.stores.refresh_sqlite import SqliteRefreshStore
from gateway.stores.sqlite import Database
from tests.cli.commands import MINIMAL, Asked, Said, crossfade, http_server, local_server
from tests.stores.samples import NOW, chooser, digest, family, first_token, sealed

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
        ((), "", 2, "Give one of --cookie -, --subject and --sid."),
        (("--subject", "ada", "--sid", "x"), "", 2, "Give one of --cookie -, --subject and --sid."),
        (("--subject", "ada"), "", 69, "No gateway answers, and there is no database at"),
        (("--cookie", "-"), "x" * 70_000, 2, "The Cookie header is larger than 64 KiB."),
        (("--cookie", "-", "--name", "forum"), "", 78, "No session of that name is configured; there is blog, shop."),
        (("--cookie", "-"), "", 78, "The environment variable BLOG_KEY is not set; it must hold a secret."),
    ],
)
def test_says_why_it_tells_nothing(config: Path, words: tuple[str, ...], stdin: str, code: int, sentence: str) -> None:
    ended = crossfade("session", "explain", *words, "-c", config, stdin=stdin, env={"BLOG_KEY": None})
    assert (ended.code, sentence in " ".join(ended.err.split())) == (code, True), ended.err


# --- the tokens of a user ---


def words_for(config: Path, *words: str) -> tuple[object, ...]:
    return ("session", "explain", *words, "-c", config)


async def fill(file: Path) -> None:
    """Let Ada get tokens, renew them, and log out."""
    database = Database.open(file)
    families = SqliteRefreshStore(database)
    await families.open_family(family(), first_token(), sealed(), cap=1, now=NOW)
    await families.rotate(digest("f1-1"), chooser("the next token", NOW + 60), NOW + 60)
    await families.end_families(["f1"], "logout", NOW + 5000, NOW + 70)
    database.close()


@pytest.mark.parametrize("words", [("--subject", "ada"), ("--sid", "f1")])
def test_tells_from_the_database_what_happened_to_the_tokens_of_a_user(config: Path, words: tuple[str, str]) -> None:
    file = config.parent / "tokens.db"
    asyncio.run(fill(file))
    config.write_text(MINIMAL + f"stores: {{ embedded: '{file}' }}\n")
    ended = crossfade(*words_for(config, *words))
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        "Family f1 of user `ada`, client `web`, session `main`",
        "  It ended at 1970-01-12 13:47:50 UTC: the user logged out.",
        "  1970-01-12 13:46:40 UTC  tokens were given out for a session (client `web`)",
        "  1970-01-12 13:47:40 UTC  the refresh token was renewed",
        "  1970-01-12 13:47:50 UTC  the tokens ended: the user logged out",
    ]


def test_asks_the_gateway_where_one_runs_and_shows_nothing_that_acts_on_a_terminal(config: Path) -> None:
    asked: list[Asked] = []

    def talk(question: Asked) -> Said:
        asked.append(question)
        return Said(200, b'{"lines": ["Family f1 of user `\\u001b[31mada`"]}')

    (config.parent / "run").mkdir()
    with local_server(config.parent / "run" / "admin.sock", talk):
        ended = crossfade(*words_for(config, "--subject", "ada"))
    assert ended.out == "Family f1 of user `\\x1b[31mada`\n"
    (question,) = asked
    assert question.path == "/sessions/explain"
