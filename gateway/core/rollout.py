"""Which part of the users takes part: the same ones in every process, after every restart, and as the part grows."""

from dataclasses import dataclass, field
from hashlib import blake2b

_ALL = 1 << 64


@dataclass(frozen=True, slots=True)
class Rollout:
    """A share of all subjects in percent, 0 to 100.

    `key` is the same for all gateways on one store, and secret: nobody can choose a name that is in or out.
    """

    percent: float = 100.0
    key: bytes = field(default=b"", repr=False)

    def includes(self, subject: str) -> bool:
        """Whether this user takes part. Whoever does at some share does at every greater one."""
        if self.percent >= 100.0:
            return True
        name = subject.encode("utf-8", "surrogatepass")
        place = int.from_bytes(blake2b(name, key=self.key, digest_size=8).digest(), "big")
        return place < _ALL * (self.percent / 100.0)


EVERYBODY = Rollout()
