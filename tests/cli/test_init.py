"""`crossfade init`: a look at an application, a guess, and a configuration that has no fault."""

from pathlib import Path

import pytest

from gateway.cli.guess import Guess, guess_framework
from gateway.cli.template import write_configuration
from gateway.cli.visit import visit
from gateway.errors import DependencyError
from gateway.settings.addresses import read_origin
from gateway.settings.load import load_settings, read_settings
from tests.cli.commands import Asked, Said, crossfade, http_server
from tests.servers import free_port

FLASK = "eyJfZnJlc2giOnRydWV9.aRmJkA.c2lnbmF0dXJl"

GUESSES: list[tuple[dict[str, str], Guess | None]] = [
    ({}, None),
    ({"theme": "dark", "_ga": "1"}, None),
    ({"csrftoken": "x"}, Guess("Django", "django", ("sessionid",), is_seen=False)),
    ({"csrftoken": "x", "sessionid": "y"}, Guess("Django", "django", ("sessionid",))),
    ({"session": FLASK}, Guess("Flask", "flask", ("session",))),
    ({"session": ".eJwtzjEOwjAM"}, Guess("Flask", "flask", ("session",))),
    ({"session": "eyJ1c2VyIjogMX0=.aRmJkA.c2ln"}, Guess("Starlette", "whoami", ("session",))),
    ({"session": "a1b2c3"}, None),
    ({"connect.sid": "s%3Ax.y"}, Guess("Express", "whoami", ("connect.sid",))),
    ({"laravel_session": "x", "XSRF-TOKEN": "y"}, Guess("Laravel", "whoami", ("laravel_session",))),
    ({"my-shop-session": "x"}, Guess("Laravel", "whoami", ("my-shop-session",))),
    ({"_shop_session": "x"}, Guess("Rails", "whoami", ("_shop_session",))),
    ({"PHPSESSID": "x"}, Guess("PHP", "whoami", ("PHPSESSID",))),
    ({"JSESSIONID": "x"}, Guess("a Java servlet container", "whoami", ("JSESSIONID",))),
    ({"SESSION": "x"}, Guess("Spring", "whoami", ("SESSION",))),
    ({".AspNetCore.Session": "x"}, Guess("ASP.NET", "whoami", (".AspNetCore.Session",))),
    ({"wordpress_test_cookie": "x"}, Guess("WordPress", "whoami", ("wordpress_test_cookie",))),
]


@pytest.mark.parametrize(("cookies", "guess"), GUESSES)
def test_cookies_speak_for_a_framework(cookies: dict[str, str], guess: Guess | None) -> None:
    assert guess_framework(cookies) == guess


@pytest.mark.parametrize("guess", [guess for _, guess in GUESSES])
@pytest.mark.parametrize("login_path", ["", "/login/", "/log in: now"])
def test_what_is_written_has_no_fault(guess: Guess | None, login_path: str) -> None:
    text = write_configuration(read_origin("http://127.0.0.1:8000"), guess, login_path.replace(" ", ""))
    settings, faults = read_settings(text, name="gateway.yaml", directory=Path("/etc"), environ={})
    assert settings is not None, [str(fault) for fault in faults]
    (session,) = settings.sessions
    assert session.format == ("whoami" if guess is None else guess.format)
    assert session.cookies == (("session",) if guess is None else guess.cookies)
    assert session.login_url == (login_path.replace(" ", "") or None)
    assert text.count("CHECK") >= 2


def test_a_name_that_yaml_would_misread_is_quoted() -> None:
    guess = Guess("Laravel", "whoami", ("#1*-session",))
    text = write_configuration(read_origin("http://x"), guess, "/#!/in")
    assert 'cookies: ["#1*-session"]' in text
    assert 'login_url: "/#!/in"' in text


def test_a_visit_sees_cookies_and_the_login_page() -> None:
    def talk(asked: Asked) -> Said:
        assert "cookie" not in asked.headers
        if asked.path == "/":
            headers = (("set-cookie", "first=1; Path=/"), ("set-cookie", "second=2; HttpOnly"))
            return Said(200, b"welcome", headers)
        if asked.path == "/accounts/login/":
            return Said(
                200, b"<form>", (("set-cookie", "csrftoken=abc; SameSite=Lax"), ("set-cookie", "a:b-session=1"))
            )
        return Said(404)

    with http_server(talk) as address:
        seen = visit(read_origin(f"http://{address}"))
    assert seen.cookies == {"first": "1", "second": "2", "csrftoken": "abc"}
    assert seen.login_path == "/accounts/login/"


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("/members/enter?next=/", "/members/enter"),
        ("http://HOST/members/enter", "/members/enter"),
        ("//evil.example", ""),
        ("http://[", ""),
        ("", ""),
    ],
)
def test_a_redirect_of_the_front_page_leads_to_the_login(location: str, path: str) -> None:
    def talk(asked: Asked) -> Said:
        if asked.path == "/":
            return Said(302, b"", (("location", location),))
        return Said(200 if asked.path == "/members/enter" else 404)

    with http_server(talk) as address:
        assert visit(read_origin(f"http://{address}")).login_path == path


def test_an_unusual_login_page_can_be_named() -> None:
    with http_server(lambda asked: Said(200 if asked.path == "/in" else 500)) as address:
        assert visit(read_origin(f"http://{address}"), login_path="/in").login_path == "/in"


def test_a_page_that_breaks_off_does_not_end_the_visit() -> None:
    def talk(asked: Asked) -> Said:
        if asked.path == "/login/":
            raise ConnectionAbortedError
        return Said(200)

    with http_server(talk) as address:
        assert visit(read_origin(f"http://{address}")).login_path == "/login"


def test_nobody_to_visit() -> None:
    with pytest.raises(DependencyError, match="No application answers at"):
        visit(read_origin(f"http://127.0.0.1:{free_port()}"))


def test_writes_a_configuration(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    with http_server(lambda asked: Said(200, b"", (("set-cookie", "csrftoken=a"),))) as address:
        ended = crossfade("init", "--upstream", f"http://{address}", "-o", path)
    assert (ended.code, ended.out) == (0, f"{path} is written for Django. Look at the lines marked CHECK.\n")
    settings = load_settings(path, {})
    assert str(settings.upstreams["app"].url) == f"http://{address}"
    assert settings.sessions[0].login_url == "/login/"


def test_says_that_it_could_not_guess(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    with http_server(lambda asked: Said(200)) as address:
        ended = crossfade("init", "--upstream", f"http://{address}", "--output", path)
    assert ended.out == f"{path} is written. No cookie told which framework it is: look at the lines marked CHECK.\n"


def test_never_writes_over_a_file_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text("mine")
    with http_server(lambda asked: Said(200)) as address:
        ended = crossfade("init", "--upstream", f"http://{address}", "-o", path)
        assert (ended.code, path.read_text()) == (78, "mine")
        assert ended.err == f"{path} exists and is not replaced; choose another --output, or use --force.\n"
        assert crossfade("init", "--upstream", f"http://{address}", "-o", path, "--force").code == 0
        assert path.read_text() != "mine"
        ended = crossfade("init", "--upstream", f"http://{address}", "-o", tmp_path / "no" / "x")
    assert (ended.code, ended.err) == (
        78, f"{tmp_path / 'no' / 'x'}: the file cannot be written: No such file or directory.\n"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--upstream", "127.0.0.1:8000"), "expected an address like https://www.example.com (did you mean http://127.0.0.1:8000?)"),
        (("--upstream", "http://x", "--login", "in"), "expected a path like /login/"),
        ((), "Missing option '--upstream'."),
    ],
)  # fmt: skip
def test_addresses_are_spelled_as_in_the_file(words: tuple[str, ...], sentence: str) -> None:
    ended = crossfade("init", *words)
    assert (ended.code, sentence in " ".join(ended.err.split())) == (2, True), ended.err
