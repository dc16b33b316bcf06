"""Whether it is safe to go a phase further, and if not, why and by how much."""

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.core.phases import Stage
from gateway.model import Phase

_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Criteria:
    """What must be so before the next phase. `run` is in seconds, the others in percent.

    `run` is how long both credentials are good at least; `tokens` the share of signed-in requests that must show a
    token before tokens are preferred; `cookies` the share that may still come with a session cookie alone before those
    are refused; `undetermined` the share of shown sessions that may be unreadable; `disagreements` that of the requests
    which both worlds may see differently before tokens are given out.
    """

    run: float = 7 * _DAY
    tokens: float = 80.0
    cookies: float = 1.0
    undetermined: float = 1.0
    disagreements: float = 0.1


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen in the last `seconds`.

    Requests by what carried them, sessions that were looked at, those of them that nobody could read, and how often the
    application's secrets seemed to have changed; in `shadow` the requests for which both worlds were compared; and
    those whose session cookie was refused.
    """

    seconds: float = 0.0
    by_token: int = 0
    by_session: int = 0
    looked_at: int = 0
    undetermined: int = 0
    stale: int = 0
    compared: int = 0
    disagreed: int = 0
    retired: int = 0

    @property
    def disagreement_share(self) -> float:
        """Percent of the compared requests that both worlds see differently."""
        return _share(self.disagreed, self.compared)

    @property
    def signed_in(self) -> int:
        """The requests of users; those whose session cookie was refused are among them."""
        return self.by_token + self.by_session + self.retired

    @property
    def token_share(self) -> float:
        """Percent of the signed-in requests that a token carried; 0 where there was none."""
        return _share(self.by_token, self.signed_in)

    @property
    def undetermined_share(self) -> float:
        """Percent of the sessions that nobody could read."""
        return _share(self.undetermined, self.looked_at)


def find_unmet(
    stage: Stage, evidence: Evidence, criteria: Criteria, now: float, *, grows: bool = False, is_rehearsed: bool = True
) -> list[str]:
    """Return a sentence for each criterion that fails; none where the next step is safe.

    `grows`: the step is a larger part of the users in the same phase. `is_rehearsed`: a window of the brownout has
    passed.
    """
    unmet = list(_general(stage, evidence, criteria))
    if stage.phase is Phase.PARALLEL and not grows:
        unmet += _of_parallel(stage, evidence, criteria, now)
    elif stage.phase is Phase.SHADOW and not grows:
        unmet += _of_shadow(evidence, criteria)
    elif stage.phase in (Phase.PREFER_TOKENS, Phase.BROWNOUT):
        unmet += _of_preference(evidence, criteria)
        if stage.phase is Phase.BROWNOUT and not is_rehearsed:
            unmet.append(
                "no window of the brownout has passed since it began; phase.brownout.windows says when they are"
            )
    return unmet


def _general(stage: Stage, evidence: Evidence, criteria: Criteria) -> Iterator[str]:
    if stage.is_paused:
        yield "it is paused; `crossfade phase resume` lets it go on"
    if evidence.stale:
        yield "most session cookies failed every secret: has the application's secret changed?"
    if evidence.undetermined_share > criteria.undetermined:
        share = evidence.undetermined_share
        yield f"{share:.1f}% of the sessions could not be read, and {criteria.undetermined:g}% may be so"


def _of_parallel(stage: Stage, evidence: Evidence, criteria: Criteria, now: float) -> Iterator[str]:
    days = criteria.run / _DAY
    if stage.since is None:
        yield f"nobody noted when {stage.phase} began; `crossfade phase set {stage.phase}` notes it"
    elif now - stage.since < criteria.run:
        gone = max(0.0, now - stage.since) / _DAY
        yield f"day {int(gone) + 1} of {days:g}: {stage.phase} has been in force for {gone:.1f} days"
    if stage.rollout < 100:
        yield f"{stage.rollout:g}% of the users take part, and all must: `crossfade phase advance --rollout …`"
    if not evidence.signed_in:
        yield _nobody(evidence)
    elif evidence.token_share < criteria.tokens:
        share = evidence.token_share
        yield f"{share:.1f}% of the signed-in requests came with a token, and {criteria.tokens:g}% must"


def _of_shadow(evidence: Evidence, criteria: Criteria) -> Iterator[str]:
    share = evidence.disagreement_share
    if not evidence.compared:
        yield f"nothing was compared in the last {evidence.seconds / 3600:.1f} hours"
    elif share > criteria.disagreements:
        may = criteria.disagreements
        yield f"both worlds disagree about {share:.2f}% of {evidence.compared} requests, and {may:g}% may be so"


def _of_preference(evidence: Evidence, criteria: Criteria) -> Iterator[str]:
    cookies = 100.0 - evidence.token_share
    if not evidence.signed_in:
        yield _nobody(evidence)
    elif cookies > criteria.cookies:
        yield (
            f"{cookies:.1f}% of the signed-in requests came with a session cookie alone, and {criteria.cookies:g}% "
            "may; crossfade_cookie_only_requests_total says which"
        )


def _nobody(evidence: Evidence) -> str:
    return f"no signed-in request was seen in the last {evidence.seconds / 3600:.1f} hours"


def _share(part: int, whole: int) -> float:
    return 100.0 * part / whole if whole else 0.0
