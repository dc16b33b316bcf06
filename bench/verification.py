"""Cold verification: tokens that were never seen before, through form, signature and claims, one after the other."""

import time
from dataclasses import dataclass

from gateway.core.verify import verify
from tests.core.minting import NOW, token, trust

HEAD = "| | p50 ms | p99 ms | p50 ms of CPU | p99 ms of CPU |\n|---|---|---|---|---|"


@dataclass(frozen=True, slots=True)
class Verification:
    """Milliseconds for one token: by the clock, which counts others on a shared machine, and of CPU."""

    algorithm: str
    p50: float
    p99: float
    cpu_p50: float
    cpu_p99: float

    def __str__(self) -> str:
        return f"| {self.algorithm} | {self.p50:.3f} | {self.p99:.3f} | {self.cpu_p50:.3f} | {self.cpu_p99:.3f} |"


def measure(algorithm: str, count: int) -> Verification:
    """Verify `count` different tokens once each."""
    texts = [token(algorithm, jti=f"token-{number}", sub=f"user-{number}") for number in range(count)]
    believed = trust(algorithm)
    waits, work = [], []
    for text in texts:
        began, used = time.perf_counter(), time.thread_time()
        verify(text, believed, NOW)
        work.append((time.thread_time() - used) * 1e3)
        waits.append((time.perf_counter() - began) * 1e3)
    (p50, p99), (cpu_p50, cpu_p99) = (_middle_and_tail(sorted(values)) for values in (waits, work))
    return Verification(algorithm, p50, p99, cpu_p50, cpu_p99)


def _middle_and_tail(values: list[float]) -> tuple[float, float]:
    return values[len(values) // 2], values[len(values) * 99 // 100]
