"""Whatever clients, racers, thieves and clocks do: one line of tokens, and nothing after its end."""

from dataclasses import dataclass, field, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from gateway.core.rotation import RotationPolicy, decide, hash_token, new_refresh_token
from gateway.records import Family, RefreshOutcome, RefreshRow, RotationDecision

START = 1_000_000.0
LIFE = 5_000.0
POLICY = RotationPolicy(grace=30, idle=1_000)
PEPPER = b"pepper"


@dataclass
class Store:
    """What a store does with a decision, as `records.RotationDecision` tells it."""

    family: Family
    rows: dict[bytes, RefreshRow] = field(default_factory=dict)

    def carry_out(self, row: RefreshRow, decision: RotationDecision, now: float) -> None:
        if decision.outcome is RefreshOutcome.REPLAY:
            self.family = replace(self.family, ended_at=now, ended_reason="replay")
        if decision.outcome is not RefreshOutcome.ROTATED:
            return
        assert decision.successor is not None
        for old in self.rows.values():
            if old.generation == row.generation - 1:
                self.rows[old.token_hash] = replace(old, successor_sealed=None)
        used = replace(row, used_at=now, successor_sealed=decision.successor_sealed)
        self.rows[row.token_hash] = used
        self.rows[decision.successor.token_hash] = decision.successor
        self.family = replace(
            self.family, generation=decision.successor.generation, idle_expires_at=decision.idle_expires_at
        )


class Rotation(RuleBasedStateMachine):
    tokens = Bundle("tokens")

    @initialize(target=tokens)
    def exchange(self) -> str:
        self.now = START
        self.issued = 1
        self.successors: dict[str, set[str]] = {}
        first = new_refresh_token(bytes(32))
        self.line = [first]
        end = START + LIFE
        family = Family("f", "ann", "web", "main", b"", {}, 0, START, START + POLICY.idle, end)
        self.store = Store(family)
        self.store.rows[hash_token(first)] = RefreshRow(hash_token(first), "f", 0, START, START + POLICY.idle)
        return first

    @rule(target=tokens, token=tokens)
    def present(self, token: str) -> str:
        """Anybody who ever saw a token shows it: its owner, a racer, a retry, a thief."""
        fresh = new_refresh_token(self.issued.to_bytes(32, "big"))
        self.issued += 1
        before, row = self.store.family, self.store.rows[hash_token(token)]
        decision = decide(
            before, row, presented=token, client_id="web", fresh=fresh, policy=POLICY, pepper=PEPPER, now=self.now
        )
        self.store.carry_out(row, decision, self.now)
        self.check(token, before, row, decision)
        return decision.token or token

    def check(self, token: str, before: Family, row: RefreshRow, decision: RotationDecision) -> None:
        outcome = decision.outcome
        is_over = before.ended_at is not None or self.now >= min(before.idle_expires_at, before.absolute_expires_at)
        place = self.line.index(token)
        if is_over:
            assert outcome in {RefreshOutcome.ENDED, RefreshOutcome.EXPIRED}
        elif place == len(self.line) - 1:
            assert outcome in {RefreshOutcome.ROTATED, RefreshOutcome.TOO_YOUNG, RefreshOutcome.EXPIRED}
        else:
            in_grace = row.used_at is not None and self.now - row.used_at < POLICY.grace
            immediate = place == len(self.line) - 2
            assert (outcome is RefreshOutcome.GRACE) == (in_grace and immediate)
            assert (outcome is RefreshOutcome.REPLAY) == (not (in_grace and immediate))
        if outcome is RefreshOutcome.ROTATED:
            self.line.append(decision.token)
        if outcome in {RefreshOutcome.ROTATED, RefreshOutcome.GRACE}:
            self.successors.setdefault(token, set()).add(decision.token)

    @rule(seconds=st.sampled_from([0.0, 0.5, 10.0, 29.5, 30.0, 31.0, 500.0, 1_000.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(really=st.sampled_from([False, False, False, True]))
    def log_out(self, really: bool) -> None:
        if really:
            self.store.family = replace(self.store.family, ended_at=self.now, ended_reason="logout")

    @invariant()
    def a_token_has_one_successor(self) -> None:
        assert all(len(found) == 1 for found in getattr(self, "successors", {}).values())

    @invariant()
    def at_most_one_token_is_unused(self) -> None:
        if hasattr(self, "store"):
            unused = [row for row in self.store.rows.values() if row.used_at is None]
            assert [row.generation for row in unused] == [self.store.family.generation]

    @invariant()
    def at_most_one_successor_is_kept_sealed(self) -> None:
        if hasattr(self, "store"):
            assert sum(row.successor_sealed is not None for row in self.store.rows.values()) <= 1

    @invariant()
    def nothing_outlives_the_family(self) -> None:
        if hasattr(self, "store"):
            assert all(row.expires_at <= START + LIFE for row in self.store.rows.values())


TestRotation = Rotation.TestCase
TestRotation.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
