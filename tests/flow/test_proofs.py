"""What was proved is found again under the same keys, forgotten when it is not used, and bounded in bytes."""

from gateway.core.translate import Proof
from gateway.flow.proofs import Proofs
from gateway.model import Credential, Identity


def proof(stamp: int = 1) -> Proof:
    return Proof(stamp, Identity("ada", Credential.BEARER), (), b"")


def test_a_proof_is_found_by_the_same_bytes_under_the_same_keys() -> None:
    proofs, kept = Proofs(), proof()
    proofs.keep(b"token", kept, 5)
    assert proofs.find(b"token", 1) is kept
    assert proofs.find(b"token", 2) is None
    assert proofs.find(b"toke", 1) is None


def test_the_memory_is_bounded_and_the_unused_goes_first() -> None:
    proofs = Proofs(limit=64 << 10)
    proofs.keep(b"used", proof(), 4)
    for number in range(1000):
        proofs.keep(b"%d" % number, proof(), 4)
        assert proofs.find(b"used", 1) is not None
    assert len(proofs) < 80
    assert proofs.find(b"0", 1) is None


def test_clear_forgets_both_generations() -> None:
    proofs = Proofs(limit=4096)
    for number in range(10):
        proofs.keep(b"%d" % number, proof(), 4)
    proofs.clear()
    assert len(proofs) == 0
