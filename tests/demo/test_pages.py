"""The demo's pages and interface: an ordinary application with a session cookie."""

import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.demo.running import Demo, csrf_field, csrf_header, log_in


def test_a_visitor_is_told_that_nobody_is_signed_in(demo: Demo) -> None:
    with demo.browser() as browser:
        page = browser.get("/")
    assert page.status_code == 200
    assert "Nobody is signed in" in page.text
    assert 'name="viewport"' in page.text


@pytest.mark.parametrize("path", ["/api/me", "/api/notes", "/events/", "/rotate/"])
def test_programs_without_a_session_get_401(demo: Demo, path: str) -> None:
    assert httpx.get(demo.url + path, trust_env=False).status_code == 401


@pytest.mark.parametrize(
    ("path", "kind"), [("/static/style.css", "text/css"), ("/static/script.js", "text/javascript")]
)
def test_static_files_are_public_and_cacheable(demo: Demo, path: str, kind: str) -> None:
    answer = httpx.get(demo.url + path, trust_env=False)
    assert answer.headers["content-type"].startswith(kind)
    assert "public" in answer.headers["cache-control"]


def test_a_folder_of_pages_is_served_under_a_strict_policy(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "index.html").write_text("<p>A page")
    (tmp_path / "pages" / "page.js").write_text("export {}")
    demo = Demo(tmp_path, DEMO_PAGES=str(tmp_path / "pages"))
    with demo.browser() as browser:
        page, script = browser.get("/client/"), browser.get("/client/page.js")
        assert page.text == "<p>A page"
        assert "javascript" in script.headers["content-type"]
        for answer in (page, script):
            assert "default-src 'none'; script-src 'self'" in answer.headers["content-security-policy"]
            assert "unsafe" not in answer.headers["content-security-policy"]
        for path in ("none", "%2e%2e/demo.db", "%2fetc/passwd", "a%00b", "%2e"):
            assert browser.get(f"/client/{path}").status_code == 404
        assert browser.post("/client/").status_code in {403, 405}
        assert 'href="/client/"' in browser.get("/").text
    assert demo.stop() == 0
    assert "Warning" not in "".join(demo.log)


def test_without_a_folder_there_is_no_page(demo: Demo) -> None:
    with demo.browser() as browser:
        assert browser.get("/client/").status_code == 404
        assert "/client/" not in browser.get("/").text


def test_the_login_form_signs_in(demo: Demo) -> None:
    with demo.browser() as browser:
        answer = log_in(browser)
        assert (answer.status_code, answer.headers["location"]) == (302, "/")
        assert "Hello, ada" in browser.get("/").text
        assert browser.get("/api/me").json() == {"user": "ada"}


def test_the_login_form_leads_back_to_where_one_came_from_on_this_site_only(demo: Demo) -> None:
    with demo.browser() as browser:
        assert log_in(browser, next="/api/notes").headers["location"] == "/api/notes"
    with demo.browser() as browser:
        assert log_in(browser, next="https://elsewhere.example/").headers["location"] == "/"


def test_a_wrong_password_is_told_and_signs_nobody_in(demo: Demo) -> None:
    with demo.browser() as browser:
        answer = log_in(browser, password="guess")
        assert answer.status_code == 200
        assert "do not belong together" in answer.text
        assert browser.get("/api/me").status_code == 401


def test_forms_need_the_csrf_token(demo: Demo) -> None:
    with demo.browser() as browser:
        assert log_in(browser, csrfmiddlewaretoken="x" * 64).status_code == 403


def test_notes_are_written_and_listed(demo: Demo) -> None:
    with demo.signed_in() as browser:
        browser.get("/")
        answer = browser.post("/api/notes", json={"text": " <b>first</b> "}, headers=csrf_header(browser))
        assert answer.status_code == 201
        note = answer.json()
        assert note == {"id": note["id"], "user": "ada", "text": "<b>first</b>"}
        assert note in browser.get("/api/notes").json()["notes"]
        assert "&lt;b&gt;first&lt;/b&gt;" in browser.get("/").text


def test_writing_needs_the_csrf_token(demo: Demo) -> None:
    with demo.signed_in() as browser:
        assert browser.post("/api/notes", json={"text": "x"}).status_code == 403


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"text": 1}', b'{"text": "  "}', b'{"text": "%s"}' % (b"x" * 501)]
)
def test_a_note_is_text_of_a_certain_length(demo: Demo, body: bytes) -> None:
    with demo.signed_in() as browser:
        assert browser.post("/api/notes", content=body, headers=csrf_header(browser)).status_code == 400


def test_logout_is_a_post_and_deletes_the_session(demo: Demo) -> None:
    with demo.signed_in(anew=True) as browser:
        key = browser.cookies["sessionid"]
        assert browser.get("/logout/").status_code == 405
        form = {"csrfmiddlewaretoken": csrf_field(browser, "/")}
        answer = browser.post("/logout/", data=form)
        assert (answer.status_code, answer.headers["location"]) == (302, "/")
        assert "sessionid" not in browser.cookies
    assert not has_row(demo, key)
    assert httpx.get(demo.url + "/api/me", cookies={"sessionid": key}, trust_env=False).status_code == 401


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_rotate_gives_the_session_another_key(demo: Demo, method: str) -> None:
    with demo.signed_in(anew=True) as browser:
        before = browser.cookies["sessionid"]
        assert browser.request(method, "/rotate/", headers=csrf_header(browser)).json() == {"rotated": True}
        assert browser.cookies["sessionid"] != before
        assert browser.get("/api/me").json() == {"user": "ada"}
    assert not has_row(demo, before)


def has_row(demo: Demo, key: str) -> bool:
    with closing(sqlite3.connect(demo.database)) as connection:
        found = connection.execute("SELECT 1 FROM django_session WHERE session_key = ?", (key,)).fetchone()
    return found is not None
