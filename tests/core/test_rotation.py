"""One refresh token, one successor, however many race for it; a replay ends the family; an outage never does."""

from dataclasses import replace

import pytest

from gateway.core.refresh_token import seal_successor, unseal_successor
from gateway.core.rotation import RotationPolicy, decide, ensure_well_formed, hash_token, new_refresh_token
from gateway.errors import InvalidGrant, StoreUnavailable
from gateway.records import Family, RefreshOutcome, RefreshRow, RotationDecision

NOW = 1_800_000_000.0
PEPPER = b"p" * 32
POLICY = RotationPolicy(grace=30, idle=1000)
PRESENTED = new_refresh_token(b"a" * 32)
FRESH = new_refresh_token(b"b" * 32)
FAMILY = Family("family-1", "ann", "web", "main", b"", {}, 4, NOW - 5000, NOW + 500, NOW + 5000)
ROW = RefreshRow(hash_token(PRESENTED), "family-1", 4, issued_at=NOW - 100, expires_at=NOW + 400)
SEALED = seal_successor(FRESH, presented=PRESENTED, family_id="family-1", generation=3, pepper=PEPPER)
USED = replace(ROW, generation=3, used_at=NOW - 10, successor_sealed=SEALED)


def present(
    family: Family = FAMILY,
    row: RefreshRow = ROW,
    *,
    client_id: str = "web",
    bound_key: str = "",
    policy: RotationPolicy = POLICY,
    pepper: bytes = PEPPER,
    now: float = NOW,
    ends_at: float | None = None,
) -> RotationDecision:
    return decide(
        family,
        row,
        presented=PRESENTED,
        client_id=client_id,
        bound_key=bound_key,
        fresh=FRESH,
        policy=policy,
        pepper=pepper,
        now=now,
        ends_at=ends_at,
    )


# --- the token ---


def test_a_token_has_a_prefix_256_random_bits_and_a_checksum() -> None:
    prefix, body, checksum = PRESENTED.split(".")
    assert (prefix, len(body), len(checksum)) == ("rt1", 43, 6)
    ensure_well_formed(PRESENTED)
    assert len(hash_token(PRESENTED)) == 32


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_token_is_made_of_32_bytes(size: int) -> None:
    with pytest.raises(ValueError, match="32"):
        new_refresh_token(b"x" * size)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "rt1",
        PRESENTED[:-1],
        PRESENTED + "x",
        PRESENTED + "\n",
        " " + PRESENTED,
        PRESENTED.replace("rt1", "rt2"),
        PRESENTED.replace("rt1", "RT1"),
        PRESENTED.replace("YWFh", "YWFi", 1),
        PRESENTED[:46] + "F" + PRESENTED[47:],
        PRESENTED[:-6] + "AAAAAA",
        "rt1.\u00e9" + PRESENTED[5:],
        PRESENTED * 1000,
    ],
)
def test_what_was_never_given_out_is_refused_without_a_question(token: str) -> None:
    with pytest.raises(InvalidGrant) as caught:
        ensure_well_formed(token)
    assert caught.value.reason == "malformed"


# --- the sealed successor ---


def test_a_successor_is_read_only_with_the_token_and_the_pepper_of_its_place() -> None:
    place = {"presented": PRESENTED, "family_id": "family-1", "generation": 3, "pepper": PEPPER}
    assert unseal_successor(SEALED, **place) == FRESH  # type: ignore[arg-type]
    for change in (
        {"presented": FRESH},
        {"family_id": "family-2"},
        {"generation": 4},
        {"pepper": b"q" * 32},
    ):
        with pytest.raises(StoreUnavailable):
            unseal_successor(SEALED, **{**place, **change})  # type: ignore[arg-type]


@pytest.mark.parametrize("sealed", [None, b"", b"short", SEALED[:-1], SEALED[:20] + b"\0" + SEALED[21:]])
def test_a_damaged_seal_is_a_fault_of_ours(sealed: bytes | None) -> None:
    with pytest.raises(StoreUnavailable):
        unseal_successor(sealed, presented=PRESENTED, family_id="family-1", generation=3, pepper=PEPPER)


def test_neither_token_can_be_read_in_what_is_stored() -> None:
    decision = present()
    assert decision.successor is not None
    assert decision.successor_sealed is not None
    stored = repr(replace(decision, token=""))
    assert FRESH not in stored
    assert PRESENTED not in stored
    assert FRESH.split(".")[1].encode() not in decision.successor_sealed


def test_the_same_key_never_sees_one_nonce_for_two_successors() -> None:
    other = new_refresh_token(b"c" * 32)
    place = {"presented": PRESENTED, "family_id": "family-1", "generation": 3, "pepper": PEPPER}
    assert SEALED[:12] != seal_successor(other, **place)[:12]  # type: ignore[arg-type]
    assert seal_successor(FRESH, **place) == SEALED  # type: ignore[arg-type]


# --- the rules ---


def test_the_newest_token_is_rotated() -> None:
    decision = present()
    assert decision.outcome is RefreshOutcome.ROTATED
    assert decision.token == FRESH
    assert decision.idle_expires_at == NOW + 1000
    assert decision.successor == RefreshRow(hash_token(FRESH), "family-1", 5, issued_at=NOW, expires_at=NOW + 1000)
    assert decision.successor_sealed is not None
    place = {"presented": PRESENTED, "family_id": "family-1", "generation": 4, "pepper": PEPPER}
    assert unseal_successor(decision.successor_sealed, **place) == FRESH  # type: ignore[arg-type]


def test_n41_a_successor_never_outlives_the_family() -> None:
    decision = present(replace(FAMILY, absolute_expires_at=NOW + 600))
    assert decision.successor is not None
    assert decision.successor.expires_at == decision.idle_expires_at == NOW + 600


OUTCOMES = [
    ("another client", FAMILY, ROW, {"client_id": "other"}, "wrong_client"),
    ("another client, used token", FAMILY, USED, {"client_id": "other"}, "wrong_client"),
    ("another client, old token", FAMILY, replace(USED, generation=1), {"client_id": "other"}, "wrong_client"),
    ("family ended", replace(FAMILY, ended_at=NOW - 1), ROW, {}, "ended"),
    ("family ended just now", replace(FAMILY, ended_at=NOW), ROW, {}, "ended"),
    ("logout within the grace is not undone", replace(FAMILY, ended_at=NOW - 1), USED, {}, "ended"),
    ("replay of an ended family", replace(FAMILY, ended_at=NOW - 1), replace(USED, generation=1), {}, "ended"),
    ("ended comes before expired", replace(FAMILY, ended_at=NOW - 1, idle_expires_at=NOW - 1), ROW, {}, "ended"),
    ("idle end in a second", replace(FAMILY, idle_expires_at=NOW + 1), ROW, {}, "rotated"),
    ("idle end now", replace(FAMILY, idle_expires_at=NOW), ROW, {}, "expired"),
    ("absolute end now", replace(FAMILY, absolute_expires_at=NOW), ROW, {}, "expired"),
    ("grace does not outlive the family", replace(FAMILY, absolute_expires_at=NOW), USED, {}, "expired"),
    ("replay of an expired family", replace(FAMILY, idle_expires_at=NOW), replace(USED, generation=1), {}, "expired"),
    ("token's own end in a second", FAMILY, replace(ROW, expires_at=NOW + 1), {}, "rotated"),
    ("token's own end now", FAMILY, replace(ROW, expires_at=NOW), {}, "expired"),
    ("used a moment ago", FAMILY, replace(USED, used_at=NOW), {}, "grace"),
    ("used 29.999 s ago", FAMILY, replace(USED, used_at=NOW - 29.999), {}, "grace"),
    ("used 30 s ago", FAMILY, replace(USED, used_at=NOW - 30), {}, "replay"),
    ("used and past its own end, within the grace", FAMILY, replace(USED, expires_at=NOW - 1), {}, "grace"),
    (
        "used and past its own end, long ago",
        FAMILY,
        replace(USED, used_at=NOW - 900, expires_at=NOW - 1),
        {},
        "replay",
    ),
    ("grandparent within the grace", FAMILY, replace(USED, generation=2), {}, "replay"),
    ("used, but still the newest", FAMILY, replace(USED, generation=4), {}, "replay"),
    ("unused, but not the newest", FAMILY, replace(ROW, generation=3), {}, "replay"),
    ("newer than the family", FAMILY, replace(ROW, generation=5), {}, "replay"),
    ("issued 29.999 s ago", FAMILY, replace(ROW, issued_at=NOW - 29.999), {}, "too_young"),
    ("issued 30 s ago", FAMILY, replace(ROW, issued_at=NOW - 30), {}, "rotated"),
    ("issued in our future", FAMILY, replace(ROW, issued_at=NOW + 5), {}, "too_young"),
    ("at rest", FAMILY, replace(ROW, issued_at=NOW - 99.9), {"policy": RotationPolicy(30, 1000, 100)}, "too_young"),
    ("rested", FAMILY, replace(ROW, issued_at=NOW - 100), {"policy": RotationPolicy(30, 1000, 100)}, "rotated"),
    ("used and at rest", FAMILY, replace(USED, used_at=NOW - 30), {"policy": RotationPolicy(30, 1000, 100)}, "replay"),
    ("young and past its own end", FAMILY, replace(ROW, issued_at=NOW - 5, expires_at=NOW), {}, "expired"),
    ("no grace: new token", FAMILY, replace(ROW, issued_at=NOW), {"policy": RotationPolicy(0, 1000)}, "rotated"),
    ("no grace: racer", FAMILY, replace(USED, used_at=NOW), {"policy": RotationPolicy(0, 1000)}, "replay"),
]


@pytest.mark.parametrize(
    ("family", "row", "changes", "outcome"), [row[1:] for row in OUTCOMES], ids=[row[0] for row in OUTCOMES]
)
def test_each_token_has_its_outcome(family: Family, row: RefreshRow, changes: dict[str, object], outcome: str) -> None:
    decision = present(family, row, **changes)  # type: ignore[arg-type]
    assert decision.outcome == outcome
    assert bool(decision.token) is (outcome in {"rotated", "grace", "too_young"})
    assert (decision.successor is not None) is (outcome == "rotated")


def test_n51_a_retry_gets_the_very_same_successor() -> None:
    assert present(row=USED).token == FRESH
    assert present(row=USED, now=NOW + 15).token == FRESH


def test_n50_a_retry_does_not_prolong_the_grace() -> None:
    assert present(row=USED, now=NOW + 19).outcome is RefreshOutcome.GRACE
    assert present(row=USED, now=NOW + 20).outcome is RefreshOutcome.REPLAY


def test_a_young_token_is_returned_as_it_is() -> None:
    assert present(row=replace(ROW, issued_at=NOW - 1)).token == PRESENTED


def test_n52_a_successor_that_cannot_be_read_is_no_replay() -> None:
    with pytest.raises(StoreUnavailable):
        present(row=USED, pepper=b"q" * 32)
    with pytest.raises(StoreUnavailable):
        present(row=replace(USED, successor_sealed=None))


def test_the_client_is_compared_before_anything_is_unsealed() -> None:
    assert present(row=USED, client_id="other", pepper=b"q" * 32).outcome is RefreshOutcome.WRONG_CLIENT


@pytest.mark.parametrize("shown", ["", "another key"])
def test_n72_the_key_is_compared_before_anything_is_unsealed(shown: str) -> None:
    """N72: neither a retry nor a replay says anything to who has not the key (RFC 9449 section 5)."""
    bound = replace(FAMILY, bound_key="the key")
    for row in (USED, replace(USED, used_at=NOW - 1000)):
        assert present(bound, row, bound_key=shown, pepper=b"q" * 32).outcome is RefreshOutcome.WRONG_KEY
    assert present(bound, bound_key="the key").outcome is RefreshOutcome.ROTATED


# --- the end of the session behind it ---


@pytest.mark.parametrize(
    ("ends_at", "idle", "absolute"),
    [
        (None, NOW + POLICY.idle, FAMILY.absolute_expires_at),
        (FAMILY.absolute_expires_at + 100, NOW + POLICY.idle, FAMILY.absolute_expires_at + 100),
        (NOW + 60, NOW + 60, FAMILY.absolute_expires_at),  # the end that is stored never moves back
    ],
)
def test_a_rotation_follows_the_end_of_the_session(ends_at: float | None, idle: float, absolute: float) -> None:
    decision = present(ends_at=ends_at)
    assert decision.successor is not None
    assert (decision.idle_expires_at, decision.successor.expires_at) == (idle, idle)
    assert decision.absolute_expires_at == absolute


def test_a_family_whose_stored_or_present_end_has_come_is_over() -> None:
    assert present(ends_at=NOW).outcome is RefreshOutcome.EXPIRED
    over = replace(FAMILY, absolute_expires_at=NOW)
    assert present(over, ends_at=NOW + 100).outcome is RefreshOutcome.EXPIRED
