"""What makes a public key too weak to be believed, whoever shows it."""

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from gateway.keys.public import PublicKey

_SMALLEST = 2048
_LARGEST = 8192
"""Bits of an RSA modulus: below, it can be factored; above, somebody else's key set could spend our processor."""
_SMALLEST_EXPONENT = 65537
_LARGEST_EXPONENT = 2**32
_PRIMES = (
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83,
    89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
)  # fmt: skip
_FINGERPRINT = tuple((prime, frozenset(pow(65537, power, prime) for power in range(prime - 1))) for prime in _PRIMES)


def find_weakness(key: PublicKey) -> str:
    """Return what is wrong with a key, as the rest of a sentence about it; empty for a sound one."""
    if isinstance(key, EllipticCurvePublicKey):
        is_usual = isinstance(key.curve, SECP256R1)
        return "" if is_usual else f"is on the curve {key.curve.name}, and ES256 needs P-256 (RFC 7518 section 3.4)"
    return _find_weakness_of_rsa(key) if isinstance(key, RSAPublicKey) else ""


def _find_weakness_of_rsa(key: RSAPublicKey) -> str:
    if key.key_size < _SMALLEST:
        return f"has {key.key_size} bits, and RSA needs {_SMALLEST} or more"
    if key.key_size > _LARGEST:
        return f"has {key.key_size} bits, and more than {_LARGEST} are not needed"
    numbers = key.public_numbers()
    if numbers.e < _SMALLEST_EXPONENT:
        return f"has a public exponent below {_SMALLEST_EXPONENT}"
    if numbers.e > _LARGEST_EXPONENT:
        return "has a public exponent that no honest key has"
    if has_roca_fingerprint(numbers.n):
        return "was made by a chip whose keys can be factored (ROCA, CVE-2017-15361)"
    return ""


def has_roca_fingerprint(modulus: int) -> bool:
    """Whether an RSA modulus is of the form that a faulty library of Infineon made.

    Its primes are powers of 65537 modulo a product of small primes, and so is the modulus; of other moduli one in
    100 million is so by chance.
    """
    return all(modulus % prime in residues for prime, residues in _FINGERPRINT)
