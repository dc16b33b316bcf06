"""A signing key is good, private and unambiguous, or the start fails with a sentence that names it and the remedy."""

import subprocess
from pathlib import Path

import pytest

from gateway.errors import ConfigurationError
from gateway.keys.files import KeyPlace, load_key, load_keys
from gateway.keys.public import thumbprint
from tests.keys.material import key_file, pem_of, private_key, public_pem_of


def refusal(place: KeyPlace, environ: dict[str, str] | None = None) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_key(place, environ or {})
    assert caught.value.exit_code == 78
    return str(caught.value)


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
def test_a_key_is_loaded_from_a_file_and_from_the_environment(algorithm: str, tmp_path: Path) -> None:
    path = key_file(tmp_path / "key.pem", pem_of(algorithm))
    places = [KeyPlace(algorithm, file=path), KeyPlace(algorithm, env="SIGNING_KEY")]
    from_file, from_env = load_keys(places, {"SIGNING_KEY": pem_of(algorithm).decode()})
    assert from_file.kid == from_env.kid == thumbprint(private_key(algorithm).public_key())
    assert from_file.algorithm == from_env.algorithm == algorithm
    assert (from_file.source, from_env.source) == (f"the file {path}", "the environment variable SIGNING_KEY")


def test_a_variable_may_write_its_lines_with_escapes() -> None:
    pem = pem_of("ES256").decode().replace("\n", "\\n")
    assert load_key(KeyPlace("ES256", env="KEY"), {"KEY": pem}).algorithm == "ES256"


def test_the_parameters_that_openssl_writes_before_a_key_do_not_matter(tmp_path: Path) -> None:
    made = subprocess.run(
        ["openssl", "ecparam", "-name", "prime256v1", "-genkey"], capture_output=True, check=True
    ).stdout
    assert made.startswith(b"-----BEGIN EC PARAMETERS-----")
    assert load_key(KeyPlace("ES256", file=key_file(tmp_path / "key.pem", made)), {}).algorithm == "ES256"


BAD_PEM = [
    ("RS256", lambda: pem_of("small"), "has 1024 bits, and RSA needs 2048"),
    ("RS256", lambda: pem_of("exponent-3"), "public exponent below 65537"),
    ("ES256", lambda: pem_of("P-384"), "curve secp384r1, and ES256 needs P-256"),
    ("ES256", lambda: pem_of("RS256"), "is no key for ES256"),
    ("RS256", lambda: pem_of("EdDSA"), "is no key for RS256"),
    ("HS256", lambda: pem_of("RS256"), "algorithm HS256 .* is not offered. Use one of RS256, PS256, ES256, EdDSA"),
    ("RS256", lambda: pem_of("RS256", b"open sesame"), "is encrypted. Decrypt it: openssl pkey"),
    ("RS256", lambda: public_pem_of("RS256"), "is a public key. Put the private key there"),
    ("ES256", lambda: pem_of("ES256 a") + pem_of("ES256 b"), "more than one key"),
    ("RS256", lambda: b"not a key at all", "is not a readable PEM private key. Make one: crossfade keys generate"),
    ("RS256", lambda: pem_of("RS256")[:700], "is not a readable PEM private key"),
    ("RS256", lambda: b"\x00\xff" * 10, "is not a readable PEM private key"),
]


@pytest.mark.parametrize(("algorithm", "pem", "says"), BAD_PEM, ids=[row[2][:40] for row in BAD_PEM])
def test_n14_k8_a_bad_key_is_refused_by_name_when_it_is_loaded(
    algorithm: str, pem: object, says: str, tmp_path: Path
) -> None:
    """N14, K8: too small, too weak, for something else, or no key at all: nothing starts with it."""
    assert callable(pem)
    path = key_file(tmp_path / "key.pem", pem())
    with pytest.raises(ConfigurationError, match=says) as caught:
        load_key(KeyPlace(algorithm, file=path), {})
    assert str(path) in str(caught.value)
    assert "BEGIN" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "configured", "algorithm"),
    [
        ("RS256", "ES256", "RS256"),
        ("RS256", "PS256", "PS256"),
        ("ES256", "RS256", "ES256"),
        ("EdDSA", "RS256", "EdDSA"),
    ],
)
def test_a_key_that_only_verifies_has_the_algorithm_of_its_kind(kind: str, configured: str, algorithm: str) -> None:
    place = KeyPlace(configured, signs=False, env="OLD")
    assert load_key(place, {"OLD": pem_of(kind).decode()}).algorithm == algorithm


def test_n14_a_weak_key_is_refused_even_where_it_only_verifies() -> None:
    """N14: a key that verifies is believed as much as one that signs."""
    place = KeyPlace("RS256", signs=False, env="OLD")
    assert "needs P-256" in refusal(place, {"OLD": pem_of("P-384").decode()})


@pytest.mark.parametrize("mode", [0o440, 0o640])
def test_the_group_may_read_a_key(mode: int, tmp_path: Path) -> None:
    path = key_file(tmp_path / "key.pem", pem_of("ES256"), mode)
    assert load_key(KeyPlace("ES256", file=path), {}).algorithm == "ES256"


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o601])
def test_k8_a_key_that_everybody_may_read_is_refused(mode: int, tmp_path: Path) -> None:
    """K8: a private key is for its owner and its group."""
    path = key_file(tmp_path / "key.pem", pem_of("ES256"), mode)
    assert f"chmod 600 {path}" in refusal(KeyPlace("ES256", file=path))


def test_a_key_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "No such file" in refusal(KeyPlace("ES256", file=tmp_path / "missing.pem"))
    assert "Is a directory" in refusal(KeyPlace("ES256", file=tmp_path))
    assert "SIGNING_KEY is not set" in refusal(KeyPlace("ES256", env="SIGNING_KEY"))
    assert "SIGNING_KEY is not set" in refusal(KeyPlace("ES256", env="SIGNING_KEY"), {"SIGNING_KEY": ""})


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = key_file(tmp_path / "key.pem", b"x" * 70_000)
    assert "larger than 64 KiB" in refusal(KeyPlace("ES256", file=path))
