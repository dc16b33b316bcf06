"""`crossfade doctor` says whether the keys of other issuers can be used."""

from pathlib import Path

from gateway.cli.issuer_checks import check_issuers
from tests.cli.checking import load, told
from tests.cli.commands import Said, http_server
from tests.keys.issuer import key_set
from tests.servers import free_port


def issuer(address: str) -> str:
    entry = f"alias: corp, issuer: 'https://login.example', jwks_url: 'http://{address}/keys', audience: app"
    return f"issuers: [{{ {entry}, algorithms: [ES256] }}]"


def test_keys_of_another_issuer_are_fetched_as_the_gateway_does(examined: Path) -> None:
    assert told(check_issuers(load(examined))) == []
    with http_server(lambda asked: Said(200, key_set(k1="ES256"))) as address:
        assert told(check_issuers(load(examined, issuer(address)))) == [("issuers.corp", "ok", "its keys can be used")]


def test_an_issuer_without_usable_keys_is_named_with_the_reason(examined: Path) -> None:
    with http_server(lambda asked: Said(200, b"<html>")) as address:
        [(what, state, sentence)] = told(check_issuers(load(examined, issuer(address))))
    assert (what, state, "it is not a JSON object" in sentence) == ("issuers.corp", "unreachable", True)
    [(_, state, sentence)] = told(check_issuers(load(examined, issuer(f"127.0.0.1:{free_port()}"))))
    assert (state, "ConnectError" in sentence) == ("unreachable", True)
