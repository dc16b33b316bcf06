"""Who a client is, and what it may do."""

import base64
import hashlib

import pytest

from gateway.errors import ClientNotAllowed, GatewayError, InvalidClient, InvalidRequest
from gateway.flow.clients import Client, GrantType, authenticate

SECRET = "s3cret/with:colon+and space"
CLIENTS = {
    "web": Client("web", "cookie"),
    "api": Client("api", "body", secret_hash=hashlib.sha256(SECRET.encode()).hexdigest()),
    "a b": Client("a b", "body", secret_hash=hashlib.sha256(b"x").hexdigest().upper()),
}


def basic(name: str, secret: str) -> bytes:
    return b"Basic " + base64.b64encode(f"{name}:{secret}".encode())


def test_a_public_client_only_names_itself() -> None:
    assert authenticate(CLIENTS, None, "web").id == "web"


@pytest.mark.parametrize("secret", ["s3cret/with:colon%2Band+space", "s3cret%2Fwith%3Acolon%2Band%20space"])
@pytest.mark.parametrize("client_id", ["", "api"])
def test_a_confidential_client_proves_itself_by_its_form_encoded_secret(secret: str, client_id: str) -> None:
    assert authenticate(CLIENTS, basic("api", secret), client_id).id == "api"


def test_the_name_is_form_encoded_too_and_the_scheme_has_no_case() -> None:
    assert authenticate(CLIENTS, basic("a+b", "x").replace(b"Basic", b"bAsIc"), "").id == "a b"


@pytest.mark.parametrize(
    ("authorization", "client_id", "error"),
    [
        (None, "", InvalidClient),
        (None, "nobody", InvalidClient),
        (None, "api", InvalidClient),  # a confidential client must prove itself
        (basic("api", "wrong"), "", InvalidClient),
        (basic("api", ""), "", InvalidClient),
        (basic("nobody", "x"), "", InvalidClient),
        (basic("web", ""), "", InvalidClient),  # a public client has no secret that could be right
        (basic("web", "x"), "web", InvalidClient),
        (b"Basic !!!", "", InvalidClient),
        (b"Basic " + base64.b64encode(b"no colon"), "", InvalidClient),
        (b"Basic " + base64.b64encode(b"\xff:x"), "", InvalidClient),
        (b"Basic", "", InvalidClient),
        (basic("api", "x"), "web", InvalidRequest),
        (b"Bearer abc", "web", InvalidRequest),  # N30: not a way to authenticate a client
        (b"", "web", InvalidRequest),
    ],
)
def test_nobody_else_gets_in(authorization: bytes | None, client_id: str, error: type[GatewayError]) -> None:
    with pytest.raises(error):
        authenticate(CLIENTS, authorization, client_id)


def test_a_client_uses_only_its_own_grants() -> None:
    client = Client("mobile", "body", frozenset({"refresh_token"}))
    client.ensure_may(GrantType.REFRESH_TOKEN)
    with pytest.raises(ClientNotAllowed):
        client.ensure_may(GrantType.TOKEN_EXCHANGE)


def test_the_hash_of_a_secret_is_not_shown() -> None:
    assert CLIENTS["api"].secret_hash not in repr(CLIENTS)
