"""Two gateways over one PostgreSQL are one: what either does, the other knows; its outage logs nobody out."""

from collections.abc import Iterator

import pytest

from tests.e2e.pair import Pair, running_pair, wait_for


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with running_pair(tmp_path_factory.mktemp) as pair:
        yield pair


def test_a_token_of_one_gateway_is_good_at_the_other(pair: Pair) -> None:
    browser = pair.signed_in()
    assert pair.status(browser) == 200
    assert browser.refresh().status_code == 200
    assert pair.status(browser) == 200


def test_a_logout_at_one_gateway_is_a_logout_at_the_other(pair: Pair) -> None:
    browser = pair.signed_in()
    assert pair.status(browser) == 200
    assert browser.own("logout", headers={"Authorization": f"Bearer {browser.token}"}).status_code == 200
    wait_for(lambda: pair.status(browser) == 401, within=3.0)


def test_an_outage_of_the_database_is_a_503_and_takes_nothing_from_anybody(pair: Pair) -> None:
    browser = pair.signed_in()
    refresh = browser.cookies["__Host-crossfade_refresh"]
    pair.postgres.kill()
    try:
        response = browser.refresh()
        assert (response.status_code, response.json()["code"]) == (503, "store_unavailable")
        assert response.headers["retry-after"]
        assert "set-cookie" not in response.headers
        assert pair.one.browser().get("/login/").status_code == 200
        assert browser.get("/api/me").status_code == 200  # by the session cookie
    finally:
        pair.postgres.start()
    wait_for(lambda: browser.refresh().status_code == 200)
    assert browser.cookies["__Host-crossfade_refresh"] == refresh
    wait_for(lambda: pair.status(browser) == 200)


def test_a_gateway_that_restarts_finds_everything_again(pair: Pair) -> None:
    browser = pair.signed_in()
    pair.one.gateway.stop()
    pair.one.start_gateway()
    assert browser.refresh().status_code == 200
    assert browser.with_token("GET", "/api/me").status_code == 200
