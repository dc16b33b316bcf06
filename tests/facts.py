"""Facts that are remembered, so that a test can look at what was told."""

from gateway.facts import Comparison, Dependant, Event, Fact, RequestFact


class RememberedFacts:
    """In the order in which they came."""

    def __init__(self) -> None:
        self.requests: list[RequestFact] = []
        self.events: list[Event] = []
        self.dependants: list[tuple[str, Dependant]] = []
        self.comparisons: list[tuple[str, Comparison]] = []

    def request(self, fact: Fact) -> None:
        self.requests.append(RequestFact(*fact))

    def count(self, event: Event) -> None:
        self.events.append(event)

    def compare(self, route: str, outcome: Comparison) -> None:
        self.comparisons.append((route, outcome))

    def depend(self, route: str, kind: Dependant, agent: bytes | None) -> None:
        self.dependants.append((route, kind))
