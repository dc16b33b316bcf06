"""The short form of `make soak`, and the judge that must see what went wrong."""

from pathlib import Path

import orjson
import pytest

from tests.soak.answers import Answer
from tests.soak.ledger import IN_TIME, LEEWAY, MAX_STALENESS, Call, Revocable, Token, Trouble, Troubles, find_fault
from tests.soak.vitals import MEBIBYTE, Life, Sample
from tests.soak.wire import stress


@pytest.mark.timeout(180)
async def test_a_site_under_stress_gives_no_wrong_answer(tmp_path: Path) -> None:
    result = await stress(tmp_path, seconds=12, rate=100, seed=1)
    assert result.faults == []
    assert {"reload", "restart application", "restart redis", "rotate keys", "tokens refused"} <= set(result.counts)
    assert result.counts["5xx asked for"]


# --- the judge ---

PEACE = Troubles()
USER = Revocable("sub", "u")


def token(*, expires_at: float = 1000.0, ordered_at: float = 900.0, acknowledged_at: float = 901.0) -> Token:
    return Token("t", "u", expires_at, (USER, Revocable("jti", "j", ordered_at, acknowledged_at)))


def answer(
    status: int, sent_at: float = 100.0, done_at: float = 100.5, *, code: str = "", whole: bool = True
) -> Answer:
    if code:
        return Answer(status, {"x-crossfade": "1"}, orjson.dumps({"code": code}), whole, sent_at, done_at)
    return Answer(status, {}, orjson.dumps({"id": "7", "user": "u", "sum": 0}), whole, sent_at, done_at)


def call(**differs: object) -> Call:
    return Call("7", b"", "u", token=token(), **differs)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(answer(200), id="good"),
        pytest.param(answer(200, 899.5, 900.5), id="passed while it is being revoked"),
        pytest.param(answer(401, 899.5, 900.5, code="invalid_token"), id="refused while it is being revoked"),
        pytest.param(answer(401, 902.0, 902.1, code="invalid_token"), id="refused when it is revoked"),
    ],
)
def test_the_judge_is_content_with_a_right_verdict(seen: Answer) -> None:
    assert find_fault(call(), seen, PEACE) == ""


@pytest.mark.parametrize(
    ("seen", "fault"),
    [
        (answer(200, 901.1, 901.2), "forwarded 0.100 s after its end, answered in 0.100 s"),
        (answer(401, 899.0, 899.9, code="invalid_token"), "a good credential was refused"),
        (answer(503, code="store_unavailable"), "unexplained 503 store_unavailable"),
        (answer(200, whole=False), "cut off"),
        (answer(0), "no answer in 0.500 s"),
    ],
)
def test_the_judge_sees_a_wrong_answer(seen: Answer, fault: str) -> None:
    assert find_fault(call(), seen, PEACE) == fault


def test_the_judge_sees_what_belongs_to_another() -> None:
    assert find_fault(Call("8", b"", "u"), answer(200), PEACE).startswith("the answer of another")
    assert find_fault(Call("7", b"", "other"), answer(200), PEACE).startswith("the answer of another")
    assert find_fault(Call("7", b"", "u", checksum=1), answer(200), PEACE) == "another body arrived"


def test_the_judge_wants_a_cut_to_be_seen() -> None:
    assert find_fault(call(is_cut=True), answer(200), PEACE) == "a cut was hidden"
    assert find_fault(call(is_cut=True), answer(200, whole=False), PEACE) == ""


def test_a_token_is_over_at_its_end() -> None:
    old = Call("7", b"", "u", token=token(ordered_at=9999.0, acknowledged_at=9999.0))
    late = 1000.0 + LEEWAY
    assert find_fault(old, answer(200, late + 0.1, late + 0.2), PEACE) != ""
    assert find_fault(old, answer(200, 999.0, 1000.5), PEACE) == ""
    assert find_fault(old, answer(401, 998.0, 999.5, code="invalid_token"), PEACE) == "a good credential was refused"


def test_a_trouble_explains_its_own_errors_in_its_own_time() -> None:
    troubles = Troubles([Trouble("redis", 100.2, 101.0), Trouble("application", 500.0)])
    assert find_fault(call(), answer(503, code="revocation_unavailable"), troubles) == ""
    assert find_fault(call(), answer(502, code="upstream_unreachable"), troubles) != ""
    assert find_fault(call(), answer(503, 200.0, 200.1, code="revocation_unavailable"), troubles) != ""
    assert find_fault(call(), answer(502, 600.0, 600.1, code="upstream_unreachable"), troubles) == ""
    assert find_fault(call(), answer(500, code="internal_error"), troubles) == "unexplained 500 internal_error"
    assert find_fault(call(), answer(401, code="invalid_token"), troubles) == "a good credential was refused"


def test_where_processors_are_missing_for_very_long_nothing_is_proved() -> None:
    troubles = Troubles()
    unknown = answer(503, 103.0, 103.1, code="revocation_unavailable")
    troubles.note(answer(200, 100.0, 100.9))
    assert find_fault(call(), unknown, troubles) == "unexplained 503 revocation_unavailable"
    troubles.note(answer(200, 100.0, 102.0))
    assert find_fault(call(), unknown, troubles) == ""
    assert troubles.starved == {"revocation_unavailable": 1}
    assert find_fault(call(), answer(500, 103.0, 103.1, code="internal_error"), troubles) != ""


@pytest.mark.parametrize("has_waited", [False, True])
def test_where_redis_cannot_be_asked_a_revocation_may_take_as_long_as_it_is_promised(has_waited: bool) -> None:
    troubles = Troubles([] if has_waited else [Trouble("redis", 900.0)])
    if has_waited:
        troubles.note(answer(200, 903.0, 903.0 + 2 * IN_TIME))
    end = 901.0 + MAX_STALENESS
    assert find_fault(call(), answer(200, end - 0.1, end), troubles) == ""
    assert len(troubles.lateness) == 1
    assert find_fault(call(), answer(200, end + 0.1, end + 0.2), troubles) != ""


def life(memory: float, files: float, tasks: float, *, seconds: int = 600) -> Life:
    """What grows by so much in each minute."""
    base = 80 * MEBIBYTE
    return Life(
        "worker",
        [
            Sample(at, int(base + memory * at / 60), int(50 + files * at / 60), int(10 + tasks * at / 60))
            for at in range(0, seconds, 5)
        ],
    )


def test_what_grows_is_seen() -> None:
    assert list(life(0, 0, 0).faults()) == []
    assert [fault.split(" grew")[0] for fault in life(MEBIBYTE, 5, 5).faults()] == [
        "worker: memory", "worker: files", "worker: tasks",
    ]  # fmt: skip


def test_of_growth_nothing_is_said_before_the_caches_can_be_full() -> None:
    assert list(life(MEBIBYTE, 5, 5, seconds=60).faults()) == []
