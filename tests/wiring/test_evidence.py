"""What was seen lately: differences of counters, as far back as somebody looked."""

from gateway.core.criteria import Evidence
from gateway.facts import Comparison, Event, RequestFact
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
    for outcome in Comparison:
        metrics.compare("/*", outcome)
    metrics.compare("/static/*", Comparison.OTHER_USER)
    metrics.compare("/*", Comparison.OTHER_USER)
    metrics.request(RequestFact("/*", "GET", 401, Credential.NONE, "session_retired", 0.1, 0.0))
    tally = Tally(metrics.families)
    assert tally.count(metrics.slots) == Counts(4, 4, 3, 1, 1, compared=8, disagreed=7, retired=1)
    assert tally.disagreements(metrics.slots, 2) == [("/*", "other_user", 2), ("/*", "turned_away", 1)]


class Seen:
    """Counters that go up by one with each hour."""

    def __init__(self) -> None:
        self.hours = 0
        self.lookback = Lookback(lambda: Counts(by_token=self.hours), 0.0)

    def let_pass(self, hours: int) -> None:
        for _ in range(hours):
            self.hours += 1
            for quarter in range(4):
                self.lookback.note(self.hours * HOUR + quarter * 900.0, None)


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


def test_a_phase_that_begins_between_two_samples_begins_with_nothing() -> None:
    counted = Counts()
    lookback = Lookback(lambda: counted, 0.0)
    lookback.note(1.0, None)
    counted = Counts(by_token=5)
    lookback.note(11.0, 10.0)
    counted = Counts(by_token=7)
    assert lookback.evidence(20.0, 10.0) == Evidence(10.0, by_token=2)
    assert lookback.evidence(30.0, 25.0) == Evidence(5.0, by_token=0), "nobody has looked since it began"
