"""Keys that can be broken, or that would break us, are told from sound ones."""

import secrets
from functools import cache
from math import prod

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from gateway.keys.strength import find_weakness, has_roca_fingerprint
from tests.keys.material import private_key

SMALL_PRIMES = [n for n in range(2, 702) if all(n % d for d in range(2, int(n**0.5) + 1))]  # 126 of them


def is_prime(candidate: int) -> bool:
    odd, twos = candidate - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(24):
        power = pow(secrets.randbelow(candidate - 3) + 2, odd, candidate)
        if power in (1, candidate - 1):
            continue
        for _ in range(twos - 1):
            power = power * power % candidate
            if power == candidate - 1:
                break
        else:
            return False
    return True


@cache
def roca_key() -> rsa.RSAPublicKey:
    """A key made as the faulty chips made theirs: k*M + (65537^a mod M) for each prime, M the product of small ones."""
    product = prod(SMALL_PRIMES)

    def prime() -> int:
        while True:
            found = (secrets.randbits(52) | 1 << 52) * product + pow(65537, secrets.randbits(200), product)
            if is_prime(found):
                return found

    modulus = 0
    while modulus.bit_length() < 2048:
        modulus = prime() * prime()
    return rsa.RSAPublicNumbers(65537, modulus).public_key()


@pytest.mark.parametrize("kind", ["RS256", "ES256", "EdDSA"])
def test_n14_sound_keys_have_no_weakness(kind: str) -> None:
    """N14: what we make ourselves is accepted."""
    assert find_weakness(private_key(kind).public_key()) == ""


@pytest.mark.parametrize(
    ("kind", "says"), [("small", "has 1024 bits"), ("exponent-3", "public exponent below 65537"), ("P-384", "P-256")]
)
def test_n14_small_moduli_small_exponents_and_other_curves_are_weak(kind: str, says: str) -> None:
    """N14: RSA below 2048 bits, a small exponent, a curve that the algorithm does not have."""
    assert says in find_weakness(private_key(kind).public_key())


def test_n14_a_key_with_the_fingerprint_of_roca_is_weak() -> None:
    """N14: CVE-2017-15361, made here by the same rule as the chips made theirs."""
    assert "ROCA" in find_weakness(roca_key())


def test_n14_hardly_any_other_modulus_has_the_fingerprint() -> None:
    """N14: an honest key is not refused for it."""
    assert not any(has_roca_fingerprint(secrets.randbits(2048) | 1) for _ in range(2000))


def test_n14_a_modulus_or_an_exponent_that_only_costs_us_time_is_refused() -> None:
    """N14: verification with an exponent or a modulus without bound is a denial of service."""
    key = private_key("RS256").public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    numbers = key.public_numbers()
    slow = rsa.RSAPublicNumbers(numbers.e + 2**40, numbers.n).public_key()
    assert "exponent that no honest key has" in find_weakness(slow)
    huge = rsa.RSAPublicNumbers(65537, numbers.n << 8000 | 1).public_key()
    assert "more than 8192" in find_weakness(huge)
