"""What was seen lately: differences of counters, as far back as somebody looked."""

from gateway.core.criteria import Evidence
from gateway.facts import Event, RequestFact
from gateway.model import Credential
from gateway.observe.metrics import Metrics
from gateway.observe.tally import Counts, Tally
from gateway.wiring.evidence import Lookback

HOUR = 3600.0


def test_the_tally_reads_what_the_metrics_count() -> None:
    metrics = Metrics(routes=("/*", "/static/*"))
    for credential in (*Credential, Credential.SESSION):
        for route in ("/*", "/static/*"):
            metrics.request(RequestFact(route, "GET", 200, credential, "", 0.1, 0.1))
    for event in (Event.SESSION_USER, Event.SESSION_ANONYMOUS, Event.SESSION_UNDETERMINED, Event.CODEC_STALE):
        metrics.count(event)
    assert Tally(metrics.families).count(metrics.slots) == Counts(4, 4, 3, 1, 1)


class Seen:
    """Counters that go up by one with each hour."""

    def __init__(self) -> None:
        self.hours = 0
        self.lookback = Lookback(lambda: Counts(by_token=self.hours), 0.0)

    def let_pass(self, hours: int) -> None:
        for _ in range(hours):
            self.hours += 1
            for quarter in range(4):
                self.lookback.note(self.hours * HOUR + quarter * 900.0)


def test_a_day_is_looked_back_and_no_further() -> None:
    seen = Seen()
    seen.let_pass(5)
    assert seen.lookback.evidence(5.75 * HOUR, None) == Evidence(5.75 * HOUR, by_token=5)
    seen.let_pass(95)
    assert seen.lookback.evidence(100.75 * HOUR, None) == Evidence(24 * HOUR, by_token=24)


def test_what_was_before_the_phase_does_not_count() -> None:
    seen = Seen()
    seen.let_pass(50)
    assert seen.lookback.evidence(50 * HOUR, 40 * HOUR).by_token == 10
    assert seen.lookback.evidence(50 * HOUR, 1 * HOUR).by_token == 24
    assert seen.lookback.evidence(50 * HOUR, 50 * HOUR).by_token == 0
