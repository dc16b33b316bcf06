"""The identity as header fields."""

import pytest

from gateway.bridge.headers import IdentityHeaders
from gateway.errors import BadRequest
from gateway.model import Credential, Identity

FULL = Identity("ada", Credential.BEARER, "f-1", "read write", ("staff", "admin"))


def test_each_part_has_its_own_field() -> None:
    assert IdentityHeaders().fields(FULL) == [
        (b"X-Auth-Subject", b"ada"),
        (b"X-Auth-Credential", b"bearer"),
        (b"X-Auth-Session", b"f-1"),
        (b"X-Auth-Scope", b"read write"),
        (b"X-Auth-Roles", b"staff,admin"),
    ]


def test_what_is_empty_is_left_out() -> None:
    assert IdentityHeaders().fields(Identity("ada", Credential.SESSION)) == [
        (b"X-Auth-Subject", b"ada"),
        (b"X-Auth-Credential", b"session"),
    ]


def test_names_can_be_chosen_and_an_empty_one_is_never_sent() -> None:
    headers = IdentityHeaders(subject="Remote-User", credential="", session="", scope="", roles="")
    assert headers.fields(FULL) == [(b"Remote-User", b"ada")]
    assert headers.names == ("Remote-User",)


def test_the_names_to_strip_are_the_names_that_are_sent() -> None:
    headers = IdentityHeaders()
    assert {name.encode() for name in headers.names} == {name for name, _ in headers.fields(FULL)}


@pytest.mark.parametrize(
    "identity",
    [
        Identity("ada\r\nX-Admin: 1", Credential.BEARER),
        Identity("a" * 256, Credential.BEARER),
        Identity("äda", Credential.BEARER),
        Identity("ada", Credential.BEARER, scope="read\n"),
        Identity("ada", Credential.BEARER, roles=("a,b",)),
        Identity("ada", Credential.BEARER, roles=("",)),
    ],
)
def test_n60_what_a_header_cannot_carry_unchanged_is_refused(identity: Identity) -> None:
    with pytest.raises(BadRequest):
        IdentityHeaders().fields(identity)
