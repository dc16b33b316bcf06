"""Every codec as a target: the input is what a session holds, signed or encrypted with the right secret.

So the fuzzer passes the verification and reaches what reads the content. The seeds are what the frameworks write.
"""

from collections.abc import Callable

from gateway.codec import MAX_CLAIMS, MAX_SUBJECT
from gateway.model import Anonymous, LegacySession, Undetermined
from tests.legacy.sealing import SEALED, Sealed

_REASONS = {
    Anonymous: {"absent", "expired", "bad_signature", "no_user", "gone", "not_bound"},
    Undetermined: {"unreadable"},
}


def _target(case: Sealed) -> Callable[[bytes], None]:
    def target(data: bytes) -> None:
        verdict = case.read(data)
        if not isinstance(verdict, LegacySession):
            assert verdict.reason in _REASONS[type(verdict)]
            return
        assert verdict.key
        assert 0 < len(verdict.subject) <= MAX_SUBJECT
        assert len(repr(verdict.claims)) <= 4 * MAX_CLAIMS  # as Python writes it, which is longer than JSON
        assert verdict.expires_at is None or abs(verdict.expires_at) < float("inf")

    return target


CODEC_TARGETS = {f"session_{name}": _target(case) for name, case in SEALED.items()}
