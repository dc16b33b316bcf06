"""N70 to N73: a proof of possession, check by check (RFC 9449 section 4.3)."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.dpop import DpopPolicy, DpopProof, find_proof, has_dpop_scheme, nonce_at, verify_proof
from gateway.errors import InvalidDpopProof, UseDpopNonce
from tests.core.proving import KEYS, Prover, encode, hash_of

NOW = 1_800_000_000.0
ORIGIN = "https://www.example.com"
POLICY = DpopPolicy(ORIGIN, max_age=60.0, leeway=30.0)
URI = f"{ORIGIN}/api/notes"
TOKEN = "header.payload.signature"
ADA = Prover()
OTHER = ec.generate_private_key(ec.SECP256R1())
WEAK = Prover("RS256", rsa.generate_private_key(public_exponent=65537, key_size=1024))
COSTLY = {**Prover("RS256").jwk, "e": encode(b"\x01" + b"\0" * 255 + b"\x01")}


def check(proof: str, *, token: str = "") -> DpopProof:
    """Check a proof that is shown with `GET /api/notes`."""
    shown = token.encode() if token else None
    return verify_proof(proof.encode(), method=b"GET", path=b"/api/notes", policy=POLICY, now=NOW, access_token=shown)


@pytest.mark.parametrize("algorithm", sorted(KEYS))
def test_n70_a_good_proof_names_its_key(algorithm: str) -> None:
    """N70 (RFC 9449 section 4.3): any asymmetric algorithm of the list, and the thumbprint of RFC 7638."""
    prover = Prover(algorithm)
    proof = check(prover.proof("GET", URI, NOW, token=TOKEN), token=TOKEN)
    assert proof.thumbprint == prover.thumbprint
    assert proof.expires_at == NOW + 60


def test_n70_there_is_exactly_one_proof() -> None:
    """N70 (check 1): two DPoP fields are refused, in any case of their name, even where both hold the same."""
    assert find_proof([(b"Accept", b"*/*")]) is None
    assert find_proof([(b"DPoP", b"a")]) == b"a"
    with pytest.raises(InvalidDpopProof):
        find_proof([(b"DPoP", b"a"), (b"dpop", b"a")])


def without_signature(proof: str) -> str:
    return proof.rpartition(".")[0] + "."


def with_other_signature(proof: str) -> str:
    return f"{proof.rpartition('.')[0]}.{encode(b'x' * 64)}"


BAD: dict[str, Callable[[], str]] = {
    "junk": lambda: "junk",
    "two parts": lambda: "a.b",
    "too long": lambda: ADA.proof("GET", URI, NOW, claims={"jti": "x" * 4000}),
    "no typ": lambda: ADA.proof("GET", URI, NOW, header={"typ": None}),
    "typ of an access token": lambda: ADA.proof("GET", URI, NOW, header={"typ": "at+jwt"}),
    "typ JWT": lambda: ADA.proof("GET", URI, NOW, header={"typ": "JWT"}),
    "alg none": lambda: without_signature(ADA.proof("GET", URI, NOW, header={"alg": "none"})),
    "alg HS256": lambda: ADA.proof("GET", URI, NOW, header={"alg": "HS256"}),
    "alg in another case": lambda: ADA.proof("GET", URI, NOW, header={"alg": "es256"}),
    "alg as a list": lambda: ADA.proof("GET", URI, NOW, header={"alg": ["ES256"]}),
    "alg of another kind of key": lambda: ADA.proof("GET", URI, NOW, header={"alg": "RS256"}),
    "no jwk": lambda: ADA.proof("GET", URI, NOW, header={"jwk": None}),
    "jwk as text": lambda: ADA.proof("GET", URI, NOW, header={"jwk": "x"}),
    "jwk with its private part": lambda: ADA.proof("GET", URI, NOW, header={"jwk": {**ADA.jwk, "d": "AAAA"}}),
    "symmetric jwk": lambda: ADA.proof("GET", URI, NOW, header={"jwk": {"kty": "oct", "k": "AAAA"}}),
    "jwk of another curve": lambda: ADA.proof("GET", URI, NOW, header={"jwk": {**ADA.jwk, "crv": "P-384"}}),
    "jwk that is no point": lambda: ADA.proof("GET", URI, NOW, header={"jwk": {**ADA.jwk, "x": encode(b"x" * 32)}}),
    "jwk with a number": lambda: ADA.proof("GET", URI, NOW, header={"jwk": {**ADA.jwk, "x": 1}}),
    "jwk of somebody else": lambda: ADA.proof("GET", URI, NOW, header={"jwk": Prover("ES256", OTHER).jwk}),
    "weak key": lambda: WEAK.proof("GET", URI, NOW),
    "key that is costly to verify": lambda: Prover("RS256").proof("GET", URI, NOW, header={"jwk": COSTLY}),
    "crit": lambda: ADA.proof("GET", URI, NOW, header={"crit": ["x"]}),
    "b64": lambda: ADA.proof("GET", URI, NOW, header={"b64": False}),
    "no signature": lambda: without_signature(ADA.proof("GET", URI, NOW)),
    "another signature": lambda: with_other_signature(ADA.proof("GET", URI, NOW)),
    "no jti": lambda: ADA.proof("GET", URI, NOW, claims={"jti": None}),
    "empty jti": lambda: ADA.proof("GET", URI, NOW, claims={"jti": ""}),
    "jti as a number": lambda: ADA.proof("GET", URI, NOW, claims={"jti": 1}),
    "long jti": lambda: ADA.proof("GET", URI, NOW, claims={"jti": "x" * 129}),  # N73, section 11.1
    "no htm": lambda: ADA.proof("GET", URI, NOW, claims={"htm": None}),
    "another method": lambda: ADA.proof("POST", URI, NOW),
    "method in another case": lambda: ADA.proof("get", URI, NOW),
    "no htu": lambda: ADA.proof("GET", URI, NOW, claims={"htu": None}),
    "another path": lambda: ADA.proof("GET", f"{URI}/1", NOW),
    "another host": lambda: ADA.proof("GET", "https://evil.example/api/notes", NOW),
    "another scheme": lambda: ADA.proof("GET", "http://www.example.com/api/notes", NOW),
    "another port": lambda: ADA.proof("GET", "https://www.example.com:8443/api/notes", NOW),
    "htu as a path": lambda: ADA.proof("GET", "/api/notes", NOW),
    "htu as a list": lambda: ADA.proof("GET", URI, NOW, claims={"htu": [URI]}),
    "no iat": lambda: ADA.proof("GET", URI, NOW, claims={"iat": None}),
    "iat as text": lambda: ADA.proof("GET", URI, NOW, claims={"iat": str(NOW)}),
    "too old": lambda: ADA.proof("GET", URI, NOW - 60),
    "from the future": lambda: ADA.proof("GET", URI, NOW + 31),
}


@pytest.mark.parametrize("name", BAD)
def test_n70_a_proof_that_proves_nothing(name: str) -> None:
    """N70 (RFC 9449 section 4.3): each of the checks alone refuses the proof."""
    with pytest.raises(InvalidDpopProof):
        check(BAD[name]())


@pytest.mark.parametrize(
    "uri",
    [
        f"{URI}?page=1#top",
        "HTTPS://WWW.EXAMPLE.COM:443/api/notes",
        f"{ORIGIN}/api/x/../notes",
        f"{ORIGIN}/api/%6eotes",
    ],
)
def test_n70_an_address_is_compared_in_its_normal_form(uri: str) -> None:
    """N70 (checks 8 and 9): query and fragment do not count, and spellings of one address are one address."""
    assert check(ADA.proof("GET", uri, NOW)).thumbprint == ADA.thumbprint


@pytest.mark.parametrize("age", [59, 0, -30])
def test_n70_a_proof_is_good_for_a_minute(age: int) -> None:
    """N70 (check 11): within the window, and never longer than it is remembered."""
    assert check(ADA.proof("GET", URI, NOW - age)).expires_at == NOW - age + 60


@pytest.mark.parametrize("ath", [None, "", hash_of("another token"), hash_of(TOKEN) + "=", 1])
def test_n70_a_proof_is_made_for_the_token_beside_it(ath: object) -> None:
    """N70 (check 12): `ath` is the hash of the access token."""
    with pytest.raises(InvalidDpopProof):
        check(ADA.proof("GET", URI, NOW, claims={"ath": ath}), token=TOKEN)


@given(st.binary(max_size=200))
def test_n70_any_other_bytes_prove_nothing(text: bytes) -> None:
    """N70: whatever is shown, nothing but `InvalidDpopProof` comes of it."""
    with pytest.raises(InvalidDpopProof):
        verify_proof(text, method=b"GET", path=b"/", policy=POLICY, now=NOW)


@given(st.dictionaries(st.sampled_from(["kty", "crv", "x", "y", "n", "e"]), st.text(max_size=50) | st.integers()))
def test_n70_any_other_key_proves_nothing(jwk: dict[str, object]) -> None:
    """N70: whatever stands for a key in the header, nothing but `InvalidDpopProof` comes of it."""
    for algorithm in ("ES256", "EdDSA", "RS256"):
        with pytest.raises(InvalidDpopProof):
            check(Prover(algorithm).proof("GET", URI, NOW, header={"jwk": jwk}))


def test_n74_a_nonce_once_given_is_required() -> None:
    """N74 (sections 8 and 11.3): the present one or the one before, and the answer names the present one."""
    policy = replace(POLICY, nonce_key=b"k" * 32)
    present, before, older = (nonce_at(b"k" * 32, NOW - age) for age in (0, 300, 600))
    assert len({present, before, older, nonce_at(b"o" * 32, NOW)}) == 4

    def show(nonce: object) -> DpopProof:
        text = ADA.proof("GET", URI, NOW, claims={"nonce": nonce}).encode()
        return verify_proof(text, method=b"GET", path=b"/api/notes", policy=policy, now=NOW)

    assert {show(nonce).thumbprint for nonce in (present, before)} == {ADA.thumbprint}
    for nonce in (None, "", older, 1, [present]):
        with pytest.raises(UseDpopNonce) as asked:
            show(nonce)
        assert asked.value.nonce == present


def test_n74_a_bad_proof_is_given_no_nonce() -> None:
    """N74: what is wrong in any other way is refused as before."""
    policy = replace(POLICY, nonce_key=b"k" * 32)
    with pytest.raises(InvalidDpopProof) as refused:
        verify_proof(BAD["another method"]().encode(), method=b"GET", path=b"/api/notes", policy=policy, now=NOW)
    assert not isinstance(refused.value, UseDpopNonce)


def test_n73_two_proofs_have_two_names_and_one_has_one() -> None:
    """N73 (section 11.1): what is remembered is the key and the `jti`, in one length."""
    proof = ADA.proof("GET", URI, NOW, claims={"jti": "one"})
    same = ADA.proof("GET", URI, NOW + 1, claims={"jti": "one"})
    other = ADA.proof("GET", URI, NOW, claims={"jti": "two"})
    anothers = Prover("ES256", OTHER).proof("GET", URI, NOW, claims={"jti": "one"})
    names = [check(text).name for text in (proof, same, other, anothers)]
    assert names[0] == names[1]
    assert len(set(names)) == 3
    assert {len(name) for name in names} == {43}


@pytest.mark.parametrize(
    ("authorization", "expected"),
    [
        (b"DPoP a.b.c", True),
        (b"dpop a", True),
        (b"Bearer a", False),
        (b"DPoPx a", False),
        (b"DPoP", False),
        (None, False),
    ],
)
def test_the_scheme(authorization: bytes | None, expected: bool) -> None:
    assert has_dpop_scheme(authorization) is expected
