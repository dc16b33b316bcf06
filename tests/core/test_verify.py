"""A token is believed only if every byte of it is what RFC 9068 and RFC 8725 allow; each rule N… has its row."""

import base64
import json
import re
import socket
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import HMACAlgorithm

from gateway.core.jose import MAX_TOKEN, TokenFault
from gateway.core.verify import Trust, ensure_in_force, find_issuer, verify
from gateway.errors import InvalidToken
from gateway.records import VerificationKey
from tests.core.minting import (
    AUDIENCE,
    CLAIMS,
    DROPPED,
    ISSUER,
    NOW,
    base64url,
    claim_bytes,
    header_bytes,
    public_key,
    sign_raw,
    token,
    token_saying,
    trust,
)

Row = tuple[str, Any, str | None]
"""What it is, beginning with the rule that it is about where there is one; what is shown; the reason to refuse it."""


def rows_of(rule: str, *tables: Iterable[Row]) -> pytest.MarkDecorator:
    """Give a test the rows of one rule, and with "" those that are about none."""
    rows = [row for table in tables for row in table if (re.match(r"N\d+(?= )", row[0]) or [""])[0] == rule]
    assert rows
    return pytest.mark.parametrize(("shown", "reason"), [row[1:] for row in rows], ids=[row[0] for row in rows])


def fault(text: bytes, believed: Trust | None = None, now: float = NOW) -> str:
    with pytest.raises(InvalidToken) as caught:
        verify(text, believed or trust(), now)
    assert caught.value.reason in set(TokenFault)
    return caught.value.reason


# --- what is good ---


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
def test_a_good_token_is_believed(algorithm: str) -> None:
    verified = verify(token(algorithm), trust(algorithm), NOW)
    assert (verified.subject, verified.session_id, verified.token_id) == ("ann", "family-1", "token-1")
    assert (verified.client_id, verified.sequence) == ("web", 7)
    assert (verified.issued_at, verified.not_before, verified.expires_at) == (NOW, NOW, NOW + 3600)
    assert verified.claims == CLAIMS


@pytest.mark.parametrize(
    "text",
    [
        token(header={"typ": "AT+JWT"}),
        token(header={"typ": "application/at+JWT"}),
        token(aud=["other", AUDIENCE]),
        token(iat=NOW - 0.5, exp=NOW + 0.5),
        token(roles=["a", {"b": [1.5, None, True]}]),
        token(name="\N{SNOWMAN} \N{PILE OF POO}"),
        sign_raw(header_bytes(), claim_bytes(name="x").replace(b'"x"', rb'"\ud83d\udca9"')),
        token(header={"jku": "https://evil.example", "x5u": "https://evil.example", "x5c": ["x"], "jwk": {"k": "x"}}),
        token(sub="a" * 255),
        token(sub="Ann O'Neill <ann@example.com>"),
        token(seq=0),
        token(lists=[[] for _ in range(100)], text="[" * 100),
    ],
    ids=[
        "typ in capitals",
        "typ as media type",
        "aud as list",
        "fraction in a date",
        "claims of any shape",
        "unicode",
        "surrogate pair as escapes",
        "key headers are not even read",
        "longest sub",
        "printable sub",
        "first sequence",
        "many small arrays",
    ],
)
def test_what_the_standard_allows_is_believed(text: bytes) -> None:
    verify(text, trust(), NOW)


# --- form ---

GOOD = token()
HEADER, PAYLOAD, SIGNATURE = GOOD.split(b".")
UNUSED_BITS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def _respelled(part: bytes) -> bytes:
    """The same bytes in another spelling: an unused bit of the last character is set."""
    last = UNUSED_BITS.index(part[-1:])
    return part[:-1] + UNUSED_BITS[last ^ 1 : (last ^ 1) + 1]


FORMS: list[Row] = [
    ("N1 empty", b"", "malformed"),
    ("N1 brace", b"{" + GOOD, "malformed"),
    ("N1 quote", b'"' + GOOD + b'"', "malformed"),
    ("N1 space", GOOD + b" ", "malformed"),
    ("N1 line feed", GOOD + b"\n", "malformed"),
    ("N1 padding", GOOD + b"==", "malformed"),
    ("N1 plus and slash", HEADER + b".+/." + SIGNATURE, "malformed"),
    ("N1 letter outside of ASCII", GOOD.replace(b"e", "é".encode(), 1), "malformed"),
    ("N1 impossible length", HEADER + b".A." + SIGNATURE, "malformed"),
    ("N1 unused bits", HEADER + b"." + PAYLOAD + b"." + _respelled(SIGNATURE), "malformed"),
    ("N1 two parts", HEADER + b"." + PAYLOAD, "malformed"),
    ("N1 empty signature", HEADER + b"." + PAYLOAD + b".", "malformed"),
    ("N5 five parts are a JWE", GOOD + b".QQ.QQ", "malformed"),
    ("N7 a kid of a megabyte", token(header={"kid": "k" * 1_000_000}), "too_large"),
    ("N10 JSON serialization", b'{"payload":"e30","signatures":[]}', "malformed"),
    ("one byte too long", token(x="x" * MAX_TOKEN), "too_large"),
    ("N2 header in UTF-16", sign_raw(header_bytes().decode().encode("utf-16"), claim_bytes()), "malformed"),
    ("N2 claims in UTF-16", sign_raw(header_bytes(), claim_bytes().decode().encode("utf-16-le")), "malformed"),
    ("N2 claims in UTF-32", sign_raw(header_bytes(), claim_bytes().decode().encode("utf-32-le")), "malformed"),
    ("N2 byte order mark", sign_raw(header_bytes(), b"\xef\xbb\xbf" + claim_bytes()), "malformed"),
    ("N2 mark in the header", sign_raw(b"\xef\xbb\xbf" + header_bytes(), claim_bytes()), "malformed"),
    ("N2 invalid byte", sign_raw(header_bytes(), claim_bytes(x="?").replace(b"?", b"\xff")), "malformed"),
    ("N2 overlong", sign_raw(header_bytes(), claim_bytes(x="?").replace(b"?", b"\xc0\xaf")), "malformed"),
    ("N2 lone surrogate", sign_raw(header_bytes(), claim_bytes(x="?").replace(b"?", rb"\ud800")), "malformed"),
    ("N2 lone surrogate as name", sign_raw(header_bytes(), b'{"\\udc00":1}'), "malformed"),
    ("N2 encoded surrogate", sign_raw(header_bytes(), claim_bytes(x="?").replace(b"?", b"\xed\xa0\x80")), "malformed"),
    ("N9 sub twice", sign_raw(header_bytes(), claim_bytes()[:-1] + b',"sub":"bob"}'), "malformed"),
    ("N9 exp twice", sign_raw(header_bytes(), claim_bytes()[:-1] + b',"exp":9999999999}'), "malformed"),
    ("N9 alg twice", sign_raw(header_bytes()[:-1] + b',"alg":"none"}', claim_bytes()), "malformed"),
    ("N9 escaped twin", sign_raw(header_bytes(), claim_bytes()[:-1] + b',"\\u0073ub":"bob"}'), "malformed"),
    (
        "N9 twice deep inside",
        sign_raw(header_bytes(), claim_bytes()[:-1] + b',"x":[{"y":{"a":1,"a":2}}]}'),
        "malformed",
    ),
    ("N9 twice deep in the header", sign_raw(header_bytes()[:-1] + b',"x":{"a":1,"a":2}}', claim_bytes()), "malformed"),
    (
        "deep arrays",
        sign_raw(header_bytes(), claim_bytes()[:-1] + b',"x":' + b"[" * 17 + b"]" * 17 + b"}"),
        "malformed",
    ),
    ("deep objects", sign_raw(header_bytes(), b'{"a":' * 17 + b"1" + b"}" * 17), "malformed"),
    ("deep and unclosed", sign_raw(header_bytes(), b"[" * 5000), "malformed"),
    ("deep header", sign_raw(b'{"a":' * 20 + b"1" + b"}" * 20, claim_bytes()), "malformed"),
    ("claims are a list", sign_raw(header_bytes(), b"[]"), "malformed"),
    ("claims are text", sign_raw(header_bytes(), b'"text"'), "malformed"),
    ("header is null", sign_raw(b"null", claim_bytes()), "malformed"),
    ("two objects", sign_raw(header_bytes(), claim_bytes() + claim_bytes()), "malformed"),
    ("NaN anywhere", sign_raw(header_bytes(), claim_bytes()[:-1] + b',"x":NaN}'), "malformed"),
    ("a number beyond all", sign_raw(header_bytes(), claim_bytes()[:-1] + b',"x":1e999}'), "malformed"),
    (
        "a number of 5,000 digits",
        sign_raw(header_bytes(), claim_bytes()[:-1] + b',"x":' + b"9" * 5000 + b"}"),
        "malformed",
    ),
]


@rows_of("N1", FORMS)
def test_n1_a_token_is_three_parts_of_canonical_base64url_and_nothing_else(shown: bytes, reason: str) -> None:
    """N1: no letter outside of the alphabet, no padding, no second spelling (8725bis, JWT format type)."""
    assert fault(shown) == reason


@rows_of("N2", FORMS)
def test_n2_header_and_claims_are_utf_8_and_nothing_else(shown: bytes, reason: str) -> None:
    """N2: no UTF-16, no mark, no invalid byte, no lone surrogate (RFC 8725 section 3.7)."""
    assert fault(shown) == reason


@rows_of("N9", FORMS)
def test_n9_a_member_that_stands_twice_is_refused_wherever_it_stands(shown: bytes, reason: str) -> None:
    """N9: claim names are unique (RFC 7519 section 4), and so are header parameters."""
    assert fault(shown) == reason


@rows_of("N10", FORMS)
def test_n10_the_json_serialization_is_no_token(shown: bytes, reason: str) -> None:
    """N10: a JWT is compact (8725bis, JWT format confusion)."""
    assert fault(shown) == reason


@rows_of("", FORMS)
def test_another_form_is_refused(shown: bytes, reason: str) -> None:
    assert fault(shown) == reason


def test_claims_have_one_spelling() -> None:
    """Unused bits in the claims would survive the signature of a verifier that signs the decoded bytes."""
    text = claim_bytes()
    text += b" " * ((1 - len(text)) % 3)  # so that its base64 has unused bits
    header, payload, signature = sign_raw(header_bytes(), text).split(b".")
    assert fault(b".".join((header, _respelled(payload), signature))) == "malformed"


def test_the_size_is_looked_at_before_anything_else() -> None:
    """CVE-2025-61920: half a gigabyte in one part costs nothing."""
    assert fault(b"A" * MAX_TOKEN) == "malformed"
    assert fault(b"A" * (MAX_TOKEN + 1)) == "too_large"


# --- header ---

HEADERS: list[Row] = [
    ("N3 alg none", {"alg": "none"}, "algorithm"),
    ("N3 alg None", {"alg": "None"}, "algorithm"),
    ("N3 alg nOnE", {"alg": "nOnE"}, "algorithm"),
    ("N3 alg NONE", {"alg": "NONE"}, "algorithm"),
    ("N3 alg empty", {"alg": ""}, "algorithm"),
    ("N3 alg missing", {"alg": DROPPED}, "algorithm"),
    ("N3 alg as list", {"alg": ["RS256"]}, "algorithm"),
    ("N3 alg as object", {"alg": {"a": 1}}, "algorithm"),
    ("N3 alg in lower case", {"alg": "rs256"}, "algorithm"),
    ("N3 another alg of the same key", {"alg": "RS384"}, "algorithm"),
    ("N3 PSS with a key for PKCS1", {"alg": "PS256"}, "algorithm"),
    ("N6 crit unknown", {"crit": ["x"], "x": 1}, "header"),
    ("N6 crit known elsewhere", {"crit": ["b64"], "b64": True}, "header"),
    ("N6 crit empty", {"crit": []}, "header"),
    ("N6 crit not a list", {"crit": "x"}, "header"),
    ("N6 crit null", {"crit": None}, "header"),
    ("b64", {"b64": False}, "header"),
    ("N5 enc", {"enc": "A256GCM"}, "header"),
    ("N5 cty JWT", {"cty": "JWT"}, "header"),
    ("N8 zip", {"zip": "DEF"}, "header"),
    ("N8 p2c", {"p2c": 1_000_000_000}, "header"),
    ("N7 kid missing", {"kid": DROPPED}, "header"),
    ("N7 kid null", {"kid": None}, "header"),
    ("N7 kid number", {"kid": 1}, "header"),
    ("N7 kid list", {"kid": ["key-RS256"]}, "header"),
    ("N7 kid of 129", {"kid": "k" * 129}, "header"),
    ("N7 kid of 128", {"kid": "k" * 128}, "unknown_key"),
    ("N7 kid empty", {"kid": ""}, "unknown_key"),
    ("N7 kid path", {"kid": "../../dev/null"}, "unknown_key"),
    ("N7 kid SQL", {"kid": "' UNION SELECT 'x"}, "unknown_key"),
    ("N7 kid shell", {"kid": "|sleep 10"}, "unknown_key"),
    ("N21 typ missing", {"typ": DROPPED}, "type"),
    ("N21 typ JWT", {"typ": "JWT"}, "type"),
    ("N21 typ of a refresh token", {"typ": "rt+jwt"}, "type"),
    ("N21 typ of a DPoP proof", {"typ": "dpop+jwt"}, "type"),
    ("N21 typ number", {"typ": 1}, "type"),
    ("N21 typ with a space", {"typ": "at+jwt "}, "type"),
    ("N26 an ID token of the same issuer", {"typ": "id_token+jwt"}, "type"),
]


def shown_as(shown: bytes | dict[str, object]) -> bytes:
    return shown if isinstance(shown, bytes) else token(header=shown)


@rows_of("N3", HEADERS)
def test_n3_the_algorithm_is_that_of_the_key_and_never_that_of_the_token(shown: dict[str, object], reason: str) -> None:
    """N3: an allow-list, one algorithm for each key, letter by letter (RFC 8725 section 3.1)."""
    assert fault(shown_as(shown)) == reason


@rows_of("N5", FORMS, HEADERS)
def test_n5_only_a_signed_token_is_one(shown: bytes | dict[str, object], reason: str) -> None:
    """N5: no encrypted token, and none inside of another (8725bis, validate all cryptographic operations)."""
    assert fault(shown_as(shown)) == reason


@rows_of("N6", HEADERS)
def test_n6_crit_is_refused_whatever_it_names(shown: dict[str, object], reason: str) -> None:
    """N6: we know no extension, and an empty or misshapen list is none (RFC 7515 section 4.1.11).

    CVE-2026-32597: a `crit` that nobody knew was passed over.
    """
    assert fault(shown_as(shown)) == reason


@rows_of("N7", FORMS, HEADERS)
def test_n7_a_kid_is_a_name_of_a_key_that_we_have_and_nothing_else(
    shown: bytes | dict[str, object], reason: str
) -> None:
    """N7: not a path, not a query, not a list, not a megabyte (RFC 8725 section 3.10)."""
    assert fault(shown_as(shown)) == reason


@rows_of("N8", HEADERS)
def test_n8_what_could_spend_memory_or_time_is_refused_by_its_name(shown: dict[str, object], reason: str) -> None:
    """N8: compression and iteration counts belong to encryption, which is refused."""
    assert fault(shown_as(shown)) == reason


@rows_of("N21", HEADERS)
def test_n21_only_what_is_marked_as_an_access_token_is_one(shown: dict[str, object], reason: str) -> None:
    """N21: `typ` is `at+jwt`, as a media type (RFC 9068 section 4)."""
    assert fault(shown_as(shown)) == reason


@rows_of("N26", HEADERS)
def test_n26_another_kind_of_token_of_the_same_issuer_is_none_of_ours(shown: dict[str, object], reason: str) -> None:
    """N26: the rules of two kinds exclude each other (RFC 8725 section 3.12); the audience is in N22.

    CVE-2024-47616: the same key had signed it.
    """
    assert fault(shown_as(shown)) == reason


@rows_of("", HEADERS)
def test_another_header_is_refused(shown: dict[str, object], reason: str) -> None:
    assert fault(shown_as(shown)) == reason


def test_n3_a_public_key_is_never_a_shared_secret() -> None:
    """N3: HS256 signed with the PEM of our public key (CVE-2022-29217).

    CVE-2022-29217, CVE-2024-37568: the PEM of a public key as the secret of an HMAC.
    """
    key = public_key("RS256").key
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]
    signing_input = base64url(header_bytes(alg="HS256")) + b"." + base64url(claim_bytes())
    signature = HMACAlgorithm(HMACAlgorithm.SHA256).sign(signing_input, pem)
    assert fault(signing_input + b"." + base64url(signature)) == "algorithm"


def test_n3_a_key_with_an_algorithm_that_is_not_on_the_list_verifies_nothing() -> None:
    """N3: not even where our own configuration named it."""
    for algorithm in ("HS256", "none", "ES256K"):
        believed = replace(trust(), keys={"k": VerificationKey("k", algorithm, b"secret")})
        assert fault(token(header={"kid": "k", "alg": algorithm}), believed) == "algorithm"


def test_n4_an_unsigned_token_is_refused_whatever_it_says() -> None:
    """N4: `alg=none` is always refused (RFC 9068 section 4)."""
    unsigned = base64url(header_bytes(alg="none")) + b"." + PAYLOAD + b"."
    assert fault(unsigned) == "malformed"
    assert fault(unsigned + b"QQ") == "algorithm"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def test_n7_no_address_in_a_token_is_ever_fetched(listener: socket.socket) -> None:
    """N7: `jku`, `x5u`, `jwk` and `x5c` are read by nobody; a listener sees no connection.

    CVE-2026-27962: neither is a key that the token brings along believed.
    """
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/keys"
    changes = {"kid": "unknown", "jku": url, "x5u": url, "jwk": {"kty": "oct", "k": "AAAA"}, "x5c": ["AAAA"]}
    assert fault(token(header=changes)) == "unknown_key"
    with pytest.raises(BlockingIOError):
        listener.accept()


# --- signature ---


def test_another_key_does_not_verify() -> None:
    believed = replace(trust(), keys={"key-RS256": replace(public_key("PS256"), kid="key-RS256", algorithm="RS256")})
    assert fault(token(), believed) == "signature"


@pytest.mark.parametrize("key", [object(), None, b"text"])
def test_whatever_a_library_raises_is_a_bad_signature(key: object) -> None:
    assert (
        fault(token(), replace(trust(), keys={"key-RS256": VerificationKey("key-RS256", "RS256", key)})) == "signature"
    )


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_signature_of_another_length_is_refused(algorithm: str) -> None:
    header, payload, _ = token(algorithm).split(b".")
    assert fault(b".".join((header, payload, base64url(b"short"))), trust(algorithm)) == "signature"


def test_claims_are_not_even_read_before_the_signature() -> None:
    """Broken claims under a forged signature fail by the signature, so nobody tests our parser without a key."""
    forged = b".".join((HEADER, base64url(b"not json at all"), SIGNATURE))
    assert fault(forged) == "signature"


def test_ecdsa_stays_malleable_and_both_spellings_are_one_token() -> None:
    """Which is why nothing may be keyed on the bytes of a token: the blacklist names its jti."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    header, payload, signature = token("ES256").split(b".")
    raw = base64.urlsafe_b64decode(signature + b"==")
    other = raw[:32] + (order - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    twin = b".".join((header, payload, base64url(other)))
    assert twin != token("ES256")
    assert verify(twin, trust("ES256"), NOW).token_id == "token-1"


@given(position=st.integers(0, len(GOOD) - 1), letter=st.sampled_from(list(UNUSED_BITS + b".= \x00")))
def test_a_token_with_one_byte_changed_is_refused(position: int, letter: int) -> None:
    changed = GOOD[:position] + bytes([letter]) + GOOD[position + 1 :]
    if changed != GOOD:
        fault(changed)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_with_a_word_of_the_list(text: bytes) -> None:
    fault(text)
    find_issuer(text)


# --- claims ---

CLAIM_ROWS: list[Row] = [
    *[(f"N20 {name} missing", {name: DROPPED}, None) for name in CLAIMS],
    *[(f"{name} null", {name: None}, None) for name in CLAIMS],
    ("N22 issuer longer", {"iss": ISSUER + "/"}, "issuer"),
    ("N22 part of the issuer", {"iss": ISSUER[:-1]}, "issuer"),
    ("N22 issuer as list", {"iss": [ISSUER]}, "issuer"),
    ("N22 issuer as number", {"iss": 1}, "issuer"),
    ("N22 audience other", {"aud": "other"}, "audience"),
    ("N22 audience longer", {"aud": AUDIENCE + "s"}, "audience"),
    ("N22 audience as object", {"aud": {AUDIENCE: 1}}, "audience"),
    ("N22 audience list with a number", {"aud": [AUDIENCE, 1]}, "audience"),
    ("N22 audience list without us", {"aud": ["x", "y"]}, "audience"),
    ("N22 audience list empty", {"aud": []}, "audience"),
    ("N22 audience true", {"aud": True}, "audience"),
    ("N25 sub empty", {"sub": ""}, "claims"),
    ("N25 sub number", {"sub": 1}, "claims"),
    ("N25 sub list", {"sub": ["ann"]}, "claims"),
    ("N25 sub of 256", {"sub": "a" * 256}, "claims"),
    ("N25 sub with CRLF", {"sub": "a\r\nX-Admin: 1"}, "claims"),
    ("N25 sub ends with a line feed", {"sub": "ann\n"}, "claims"),
    ("N25 sub with NUL", {"sub": "a\0b"}, "claims"),
    ("N25 sub with a tab", {"sub": "a\tb"}, "claims"),
    ("N25 sub outside of ASCII", {"sub": "ann\u00e9"}, "claims"),
    ("N25 sub with DEL", {"sub": "a\x7f"}, "claims"),
    ("N25 space before sub", {"sub": " ann"}, "claims"),
    ("N25 space after sub", {"sub": "ann "}, "claims"),
    ("jti number", {"jti": 5}, "claims"),
    ("jti empty", {"jti": ""}, "claims"),
    ("jti of 129", {"jti": "j" * 129}, "claims"),
    ("jti with a space", {"jti": "a b"}, "claims"),
    ("sid with a line feed", {"sid": "a\nb"}, "claims"),
    ("sid object", {"sid": {}}, "claims"),
    ("client_id list", {"client_id": ["web"]}, "claims"),
    ("seq true", {"seq": True}, "claims"),
    ("seq negative", {"seq": -1}, "claims"),
    ("seq fraction", {"seq": 1.0}, "claims"),
    ("seq string", {"seq": "7"}, "claims"),
    ("seq of 64 bits", {"seq": 2**63}, "claims"),
    *[
        (f"N29 {name} {label}", {name: value}, "claims")
        for name in ("exp", "nbf", "iat")
        for label, value in {
            "true": True,
            "string": str(int(NOW)),
            "negative": -1,
            "above 2^53": 2**53 + 2,
            "huge": 10**30,
            "1e308": 1e308,
            "list": [int(NOW)],
        }.items()
    ],
]


def claim_fault(shown: dict[str, object]) -> str:
    return fault(token_saying(shown))


def reason_of(shown: dict[str, object], reason: str | None) -> str:
    return reason or {"iss": "issuer", "aud": "audience"}.get(next(iter(shown)), "claims")


@rows_of("N20", CLAIM_ROWS)
def test_n20_each_claim_that_is_required_is_there(shown: dict[str, object], reason: str | None) -> None:
    """N20: iss, exp, aud, sub, client_id, iat and jti (RFC 9068 section 2.2), and ours: nbf, sid, seq."""
    assert claim_fault(shown) == reason_of(shown, reason)


@rows_of("N22", CLAIM_ROWS)
def test_n22_the_issuer_is_ours_letter_by_letter_and_we_are_among_the_audience(
    shown: dict[str, object], reason: str | None
) -> None:
    """N22: no part of it, no list, no other type (RFC 9068 section 4).

    CVE-2024-5798: an audience that only resembles ours is another.
    GHSA-wcvh-g65p-v576: neither was looked at.
    """
    assert claim_fault(shown) == reason_of(shown, reason)


@rows_of("N25", CLAIM_ROWS)
def test_n25_a_subject_can_be_copied_into_a_header_as_it_is(shown: dict[str, object], reason: str | None) -> None:
    """N25: printable ASCII, 1 to 255 bytes (RFC 8725 section 3.8)."""
    assert claim_fault(shown) == reason_of(shown, reason)


@rows_of("N29", CLAIM_ROWS)
def test_n29_a_date_is_a_number_of_seconds_and_nothing_else(shown: dict[str, object], reason: str | None) -> None:
    """N29: no boolean, no string, none below 0 or above 2^53."""
    assert claim_fault(shown) == reason_of(shown, reason)


@rows_of("", CLAIM_ROWS)
def test_another_claim_is_refused(shown: dict[str, object], reason: str | None) -> None:
    assert claim_fault(shown) == reason_of(shown, reason)


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_n29_a_date_that_is_no_number_is_refused(constant: str) -> None:
    """N29: NaN and Infinity are not JSON, and would never expire."""
    payload = claim_bytes(exp="?").replace(b'"?"', constant.encode())
    assert fault(sign_raw(header_bytes(), payload)) == "malformed"


# --- time ---


@pytest.mark.parametrize(
    ("changes", "leeway", "reason"),
    [
        ({"exp": NOW}, 0, "expired"),
        ({"exp": NOW + 1}, 0, ""),
        ({"exp": NOW - 30}, 30, "expired"),
        ({"exp": NOW - 29}, 30, ""),
        ({"nbf": NOW}, 0, ""),
        ({"nbf": NOW + 1}, 0, "not_yet_valid"),
        ({"nbf": NOW + 30}, 30, ""),
        ({"nbf": NOW + 31}, 30, "not_yet_valid"),
        ({"iat": NOW + 1}, 0, "issued_later"),
        ({"iat": NOW + 30}, 30, ""),
        ({"iat": NOW + 31}, 30, "issued_later"),
    ],
)
def test_n23_times_hold_to_the_second(changes: dict[str, object], leeway: float, reason: str) -> None:
    """N23: now is before `exp`, at the very second, with the leeway that is configured (RFC 9068 section 4).

    CVE-2020-25816, CVE-2021-32923: nothing lives longer than it says.
    """
    text = token_saying(changes)
    if reason:
        assert fault(text, trust(leeway=leeway)) == reason
    else:
        verify(text, trust(leeway=leeway), NOW)


def test_times_are_checked_again_for_a_token_that_was_verified_before() -> None:
    verified = verify(token(), trust(), NOW)
    ensure_in_force(verified, 0, NOW + 3599)
    for now, reason in ((NOW + 3600, "expired"), (NOW - 1, "not_yet_valid")):
        with pytest.raises(InvalidToken) as caught:
            ensure_in_force(verified, 0, now)
        assert caught.value.reason == reason


def test_n24_all_refusals_look_the_same_to_the_client() -> None:
    """N24: each failure is `invalid_token` (RFC 6750 section 3.1), and does not say which."""
    with pytest.raises(InvalidToken) as caught:
        verify(token(exp=NOW), trust(), NOW)
    assert (caught.value.status, caught.value.code, caught.value.detail) == (401, "invalid_token", "")
    assert caught.value.challenge == "invalid_token"
    assert "expired" not in str(caught.value)


def test_claims_of_a_verified_token_cannot_be_changed() -> None:
    verified = verify(token(), trust(), NOW)
    with pytest.raises(TypeError):
        verified.claims["sub"] = "bob"  # type: ignore[index]


# --- who is responsible ---


@pytest.mark.parametrize(
    ("text", "issuer"),
    [
        (GOOD, ISSUER),
        (HEADER + b"." + PAYLOAD, ISSUER),
        (HEADER + b"." + PAYLOAD + b".", ISSUER),
        (b"." + PAYLOAD + b".x", ISSUER),
        (HEADER + b"." + PAYLOAD + b"==." + SIGNATURE, ISSUER),
        (GOOD + b".QQ.QQ", ISSUER),
        (b"opaque", None),
        (b"", None),
        (b"a.b.c", None),
        (b"..", None),
        (b"a." + base64url(b"[]") + b".c", None),
        (b"a." + base64url(b'{"iss":1}') + b".c", None),
        (b"a." + base64url(b'{"sub":"ann"}') + b".c", None),
        (b"a." + base64url(json.dumps({"iss": "https://other.example"}).encode()) + b".c", "https://other.example"),
        (b"a." + base64url(b'{"iss":"x","y":' + b"[" * 40_000) + b".c", None),
    ],
)
def test_the_issuer_of_a_damaged_token_is_still_seen(text: bytes, issuer: str | None) -> None:
    assert find_issuer(text) == issuer
