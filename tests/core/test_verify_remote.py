"""A token of another issuer is read as strictly as ours, and names nobody of ours."""

from dataclasses import replace
from typing import Any

import jwt
import orjson
import pytest

from gateway.core.jose import TokenFault
from gateway.core.revocation import as_looked_up, ensure_remote_not_revoked
from gateway.core.verify import ACCESS_TOKEN, ensure_in_force
from gateway.core.verify_remote import ANY_TOKEN, key_id_of, verify_remote
from gateway.errors import InvalidToken
from gateway.model import Standing
from gateway.records import RemoteTrust, VerificationKey
from gateway.remote_token import RemoteToken
from tests.core.minting import base64url
from tests.keys.material import private_key

NOW = 1_800_000_000.0
KEY = private_key("ES256")
KEYS = {"k1": VerificationKey("k1", "ES256", KEY.public_key())}
TRUST = RemoteTrust("corp", "https://login.example.com", "app", 30, ACCESS_TOKEN, keys=KEYS)
ANY = RemoteTrust("corp", "https://login.example.com", "app", 30, ANY_TOKEN, roles_claim="groups", keys=KEYS)
CLAIMS = {
    "iss": "https://login.example.com", "sub": "ada", "aud": "app", "client_id": "spa", "jti": "t1",
    "iat": NOW, "exp": NOW + 300,
}  # fmt: skip


def token(claims: dict[str, Any] | None = None, *, without: str = "", **header: Any) -> bytes:
    body = {name: value for name, value in {**CLAIMS, **(claims or {})}.items() if name != without}
    return jwt.encode(body, KEY, algorithm="ES256", headers={"kid": "k1", "typ": "at+jwt", **header}).encode()


def fault(text: bytes, trust: RemoteTrust = TRUST, now: float = NOW) -> TokenFault:
    with pytest.raises(InvalidToken) as caught:
        verify_remote(text, trust, now)
    return TokenFault(caught.value.reason)


def test_its_subject_and_its_id_have_the_alias_in_front() -> None:
    found = verify_remote(token({"scope": "read write"}), TRUST, NOW)
    assert (found.subject, found.token_id, found.client_id) == ("corp|ada", "corp|t1", "spa")
    assert (found.scope, found.roles, found.not_before) == ("read write", (), NOW)


def test_roles_count_only_from_the_claim_that_is_configured() -> None:
    text = token({"roles": ["admin"], "groups": ["staff"]})
    assert verify_remote(text, TRUST, NOW).roles == ()
    assert verify_remote(text, ANY, NOW).roles == ("staff",)
    assert fault(token({"groups": "staff"}), ANY) is TokenFault.CLAIMS


@pytest.mark.parametrize("claim", ["iss", "sub", "aud", "client_id", "jti", "iat", "exp"])
def test_n20_each_claim_that_is_required_is_required_here_too(claim: str) -> None:
    """N20: as for our own tokens, RFC 9068 section 2.2."""
    assert fault(token(without=claim)) in {TokenFault.CLAIMS, TokenFault.ISSUER, TokenFault.AUDIENCE}


@pytest.mark.parametrize("typ", ["JWT", "", "dpop+jwt", "rt+jwt"])
def test_n21_a_token_that_is_not_marked_is_refused_unless_the_issuer_marks_none(typ: str) -> None:
    """N21: `typ` is that of an access token."""
    assert fault(token(typ=typ)) is TokenFault.TYPE
    if typ in {"JWT", ""}:
        assert verify_remote(token(without="jti", typ=typ), ANY, NOW).token_id == ""
    else:
        assert fault(token(typ=typ), ANY) is TokenFault.TYPE


def test_n22_only_this_issuer_and_this_audience() -> None:
    """N22: compared letter by letter."""
    assert fault(token({"iss": "https://login.example.com/"})) is TokenFault.ISSUER
    assert fault(token({"aud": "application"})) is TokenFault.AUDIENCE
    assert verify_remote(token({"aud": ["other", "app"]}), TRUST, NOW).subject == "corp|ada"


def test_n23_it_is_over_at_its_very_second() -> None:
    """N23: `now` < `exp`, with the leeway."""
    found = verify_remote(token(), TRUST, NOW + 329)
    with pytest.raises(InvalidToken):
        ensure_in_force(found, 30, NOW + 330)
    assert fault(token({"nbf": NOW + 31})) is TokenFault.NOT_YET_VALID
    assert fault(token({"iat": NOW + 31, "nbf": NOW})) is TokenFault.ISSUED_LATER


def test_n48_it_counts_no_longer_than_a_revocation_is_kept() -> None:
    """N48: however long its issuer lets it live."""
    trust = replace(TRUST, longest=3600.0)
    text = token({"exp": NOW + 30 * 86400})
    found = verify_remote(text, trust, NOW + 3629)
    assert found.expires_at == NOW + 3600
    assert fault(text, trust, NOW + 3630) is TokenFault.EXPIRED
    assert verify_remote(token(), trust, NOW).expires_at == NOW + 300


@pytest.mark.parametrize("subject", ["", "a\r\nX-Admin: 1", "\0", "é", 7, None, "x" * 251])
def test_n25_a_subject_that_no_header_can_carry_is_refused(subject: Any) -> None:
    """N25: with its alias it has 255 bytes at most."""
    assert fault(token({"sub": subject}, without="")) is TokenFault.CLAIMS


def test_n3_the_algorithm_is_that_of_the_key() -> None:
    """N3: an issuer's key has one algorithm, whatever the token says."""
    forged = jwt.encode(CLAIMS, "x" * 64, algorithm="HS256", headers={"kid": "k1", "typ": "at+jwt"}).encode()
    assert fault(forged) is TokenFault.ALGORITHM


def test_n12_the_fully_specified_name_is_that_of_the_key_and_not_another_for_eddsa() -> None:
    """N12: one key, one name (RFC 9864)."""
    key = private_key("EdDSA")
    named = {name: VerificationKey("k1", name, key.public_key()) for name in ("Ed25519", "EdDSA")}
    head = {"typ": "at+jwt", "alg": "Ed25519", "kid": "k1"}
    signed = base64url(orjson.dumps(head)) + b"." + base64url(orjson.dumps(CLAIMS))
    text = signed + b"." + base64url(key.sign(signed))  # type: ignore[call-arg]
    assert verify_remote(text, replace(TRUST, keys={"k1": named["Ed25519"]}), NOW).subject == "corp|ada"
    assert fault(text, replace(TRUST, keys={"k1": named["EdDSA"]})) is TokenFault.ALGORITHM


def test_an_unknown_key_is_named_to_whoever_looks_for_it() -> None:
    text = token(kid="k2")
    assert fault(text) is TokenFault.UNKNOWN_KEY
    assert key_id_of(text) == "k2"


def test_a_token_that_is_bound_to_a_key_is_no_bearer() -> None:
    """RFC 9449 section 7.2."""
    assert fault(token({"cnf": {"jkt": "x"}})) is TokenFault.CLAIMS


# --- the blacklist ---


def remote() -> RemoteToken:
    return verify_remote(token(), TRUST, NOW)


def test_the_blacklist_is_asked_for_names_with_the_alias_and_for_no_family() -> None:
    asked = as_looked_up(remote())
    assert (asked.token_id, asked.subject, asked.session_id, asked.sequence) == ("corp|t1", "corp|ada", "corp|", 0)
    nameless = as_looked_up(verify_remote(token(without="jti", typ="JWT"), ANY, NOW))
    assert nameless.token_id == "corp|"


def refuses(standing: Standing, *, subject_since: float = 0.0, global_since: float = 0.0) -> bool:
    try:
        ensure_remote_not_revoked(remote(), standing, subject_since=subject_since, global_since=global_since, leeway=30)
    except InvalidToken as error:
        return error.reason == TokenFault.REVOKED
    return False


def test_n49_without_a_number_it_is_compared_with_an_epoch_by_the_time() -> None:
    """N49: by `jti`, by subject and by everything; what may be older than an epoch is taken for older."""
    assert refuses(Standing(token_revoked=True))
    for since, is_refused in ((NOW - 31, False), (NOW - 29, True), (NOW, True), (NOW + 1000, True)):
        assert refuses(Standing(subject_epoch=1), subject_since=since) is is_refused
        assert refuses(Standing(global_epoch=7), global_since=since) is is_refused
    assert refuses(Standing(subject_epoch=1, global_epoch=7), subject_since=NOW - 1000, global_since=NOW)
    assert not refuses(Standing())
