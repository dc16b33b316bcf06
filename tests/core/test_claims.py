"""What a new access token says."""

import orjson
import pytest

from gateway.core.claims import access_claims, read_bound_key
from gateway.core.jose import read_object
from gateway.core.verify import verify
from gateway.errors import InvalidToken
from gateway.records import Family
from tests.core.minting import AUDIENCE, CLAIMS, ISSUER, NOW, header_bytes, sign_raw, trust


def family(**changes: object) -> Family:
    known: dict[str, object] = {
        "id": "family-1",
        "subject": "ann",
        "client_id": "web",
        "site": "main",
        "session_hash": b"",
        "claims": {"roles": ["editor"]},
        "generation": 0,
        "created_at": NOW,
        "idle_expires_at": NOW + 100_000,
        "absolute_expires_at": NOW + 100_000,
    }
    return Family(**{**known, **changes})  # type: ignore[arg-type]


def claims(of: Family, lifetime: float = 3600, now: float = NOW + 0.9) -> dict[str, object]:
    return access_claims(
        of, issuer=ISSUER, audience=AUDIENCE, token_id="token-1", sequence=7, lifetime=lifetime, now=now
    )


def test_the_claims_of_rfc_9068_and_ours_are_all_there() -> None:
    assert claims(family()) == {
        "iss": ISSUER,
        "sub": "ann",
        "aud": AUDIENCE,
        "client_id": "web",
        "iat": int(NOW),
        "nbf": int(NOW),
        "exp": int(NOW) + 3600,
        "jti": "token-1",
        "sid": "family-1",
        "seq": 7,
        "roles": ["editor"],
    }


def test_a_token_never_outlives_its_family() -> None:
    assert claims(family(absolute_expires_at=NOW + 60.5))["exp"] == int(NOW) + 60


def test_a_session_never_says_who_or_for_how_long() -> None:
    mapped = dict.fromkeys(CLAIMS, "forged")
    assert "forged" not in claims(family(claims=mapped)).values()


def test_what_is_issued_is_believed() -> None:
    payload = orjson.dumps(claims(family()))
    assert read_object(payload)["sub"] == "ann"
    verified = verify(sign_raw(header_bytes(), payload), trust(), NOW + 1)
    assert verified.claims["roles"] == ["editor"]


def test_a_bound_token_names_its_key() -> None:
    """RFC 9449 section 6.1."""
    assert read_bound_key({}) == ""
    assert read_bound_key({"cnf": {"jkt": "k" * 43}}) == "k" * 43


@pytest.mark.parametrize(
    "confirmation",
    [
        None,
        "k" * 43,
        [],
        {},
        {"jkt": 1},
        {"jkt": ""},
        {"jkt": "k" * 42},
        {"x5t#S256": "k" * 43},
        {"jkt": "k" * 43, "x": 1},
    ],
)
def test_a_binding_that_nobody_here_could_check_is_refused(confirmation: object) -> None:
    with pytest.raises(InvalidToken):
        read_bound_key({"cnf": confirmation})
