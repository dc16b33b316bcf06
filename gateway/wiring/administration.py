"""What the admin port shows and does, for a gateway that runs."""

from collections.abc import Mapping
from dataclasses import replace

from gateway.core.criteria import Evidence, find_unmet
from gateway.core.phases import find_next
from gateway.errors import Conflict
from gateway.flow.history import explain
from gateway.model import Phase, RevocationKind
from gateway.observe.tally import Tally
from gateway.web.readiness import Dependency, Readiness
from gateway.wiring.brownout import BrownoutGuard
from gateway.wiring.census import Census, Itself
from gateway.wiring.evidence import Lookback
from gateway.wiring.gateway import Gateway
from gateway.wiring.passthrough import PassthroughGateway
from gateway.wiring.policies import criteria_of

_DISAGREEMENTS = 20
"""How many rows the phase status lists."""
_NO_PHASE = "ENABLE_JWT_AUTH=false decides; start without it to choose a phase."
_NO_KEYS = "ENABLE_JWT_AUTH=false decides, and no key is used; start without it."


class Administration:
    """The state behind the admin port of a whole gateway. `census` tells of all of its processes."""

    def __init__(self, gateway: Gateway, census: Census | None = None) -> None:
        self._gateway = gateway
        self._census = census or Itself(gateway)
        self._tally = tally = Tally(gateway.metrics.families)
        self._lookback = Lookback(lambda: tally.count(self._census.counters()), gateway.now())
        gateway.each_second.append(lambda now: self._lookback.note(now, gateway.control.stage.since))
        if gateway.keeps_house:
            bound = gateway.settings.phase.brownout.hurt
            guard = BrownoutGuard(gateway.control, lambda: tally.count(self._census.counters()), bound, gateway.facts)
            gateway.each_second.append(guard.look)
        self.is_draining = False

    def readiness(self) -> Readiness:
        """See `AdminState`.

        Nothing that only some requests need is required: a blacklist that is away concerns tokens alone, and taking
        every replica out for it would turn a degraded site into none.
        """
        gateway = self._gateway
        reason = ""
        if self.is_draining:
            reason = "draining"
        elif not (gateway.is_started and self._census.is_serving):
            reason = "starting"
        elif not gateway.control.is_known:
            reason = "no_phase"
        return Readiness(reason, tuple(self._dependencies()))

    async def phase(self) -> Mapping[str, object]:
        """See `AdminState`. The criteria are those of the next phase."""
        control, seen = self._gateway.control, self._evidence()
        return {
            **await control.describe(),
            "next": self._find_next(),
            "unmet": self._find_unmet(seen),
            "seen": {
                "hours": round(seen.seconds / 3600, 2),
                "requests_by_token": seen.by_token,
                "requests_by_session": seen.by_session,
                "token_share": round(seen.token_share, 2),
                "undetermined_share": round(seen.undetermined_share, 2),
                "compared": seen.compared,
                "disagreement_share": round(seen.disagreement_share, 3),
            },
            "disagreements": [
                {"route": route, "cause": cause, "count": count}
                for route, cause, count in self._tally.disagreements(self._census.counters(), _DISAGREEMENTS)
            ],
        }

    async def set_phase(
        self, phase: Phase, *, by: str, reason: str, rollout: float | None = None
    ) -> Mapping[str, object]:
        """See `AdminState`."""
        await self._gateway.control.choose(phase, by=by, reason=reason, now=self._gateway.now(), rollout=rollout)
        return await self.phase()

    async def advance(self, *, by: str, reason: str, rollout: float | None, is_forced: bool) -> Mapping[str, object]:
        """See `AdminState`."""
        control, now = self._gateway.control, self._gateway.now()
        phase, part = control.posture.phase, control.posture.rollout.percent
        grows = rollout is not None and part < 100 and phase in (Phase.SHADOW, Phase.PARALLEL)
        following = phase if grows else self._find_next()
        if following is None:
            raise Conflict("There is no phase after this one.")
        if grows and rollout is not None and rollout <= part:
            raise Conflict(f"{part:g}% take part already; `crossfade phase set` makes it less.")
        unmet = self._find_unmet(self._evidence(), grows=grows)
        has_advanced = is_forced or not unmet
        if has_advanced:
            told = f"{reason} (forced past {len(unmet)} criteria)" if unmet else reason
            await control.choose(following, by=by, reason=told, now=now, rollout=rollout)
        return {**await self.phase(), "has_advanced": has_advanced, "next": following, "unmet": unmet}

    async def pause(self, *, by: str, reason: str, is_paused: bool) -> Mapping[str, object]:
        """See `AdminState`."""
        await self._gateway.control.pause(is_paused=is_paused, by=by, reason=reason, now=self._gateway.now())
        return await self.phase()

    def _find_next(self) -> Phase | None:
        control = self._gateway.control
        return find_next(control.posture.phase, has_windows=bool(control.brownout.windows))

    def _evidence(self) -> Evidence:
        return self._lookback.evidence(self._gateway.now(), self._gateway.control.stage.since)

    def _find_unmet(self, seen: Evidence, *, grows: bool = False) -> list[str]:
        control, settings = self._gateway.control, self._gateway.settings
        stage = replace(control.stage, phase=control.posture.phase)
        now = self._gateway.now()
        is_rehearsed = control.brownout.has_passed(stage.since, now)
        criteria = criteria_of(settings.phase.criteria)
        return find_unmet(stage, seen, criteria, now, grows=grows, is_rehearsed=is_rehearsed)

    async def panic(self, *, by: str, reason: str) -> Mapping[str, object]:
        """See `AdminState`."""
        await self._gateway.control.panic(by=by, reason=reason, now=self._gateway.now())
        return await self.phase()

    async def roll_back(self, *, by: str, reason: str, is_rehearsal: bool) -> Mapping[str, object]:
        """See `AdminState`."""
        control = self._gateway.control
        previous = control.find_previous()
        if previous is None:
            raise Conflict("There is no phase to go back to.")
        concerned = await self._concerned(previous)
        if not is_rehearsal:
            await control.choose(previous, by=by, reason=reason, now=self._gateway.now())
        return {**await self.phase(), "would_be": previous, "is_rehearsal": is_rehearsal, **concerned}

    async def revoke(
        self, kind: RevocationKind, name: str, *, by: str, reason: str, is_rehearsal: bool
    ) -> Mapping[str, object]:
        """See `AdminState`."""
        orders, now = self._gateway.tokens.orders, self._gateway.now()
        if is_rehearsal:
            return {"revoked": False, "families": await orders.count_concerned(kind, name, now)}
        return {"revoked": True, "families": await orders.revoke(kind, name, f"{reason} ({by})", now)}

    async def status(self) -> Mapping[str, object]:
        """See `AdminState`."""
        gateway = self._gateway
        families = await gateway.stores.families.count_live(gateway.now())
        return {
            **await self.phase(),
            "readiness": self.readiness().body(),
            "families": dict(families),
            "live_tunnels": self._census.stream_count,
            "keys": list(gateway.keys.verification_keys),
        }

    async def explain(self, *, subject: str, session_id: str) -> Mapping[str, object]:
        """See `AdminState`."""
        history, now = self._gateway.stores.durable.history, self._gateway.now()
        return {"lines": list(await explain(history, subject=subject, family_id=session_id, now=now))}

    async def keys(self) -> Mapping[str, object]:
        """See `AdminState`."""
        gateway = self._gateway
        return {**gateway.key_rotation.describe(gateway.now()), "jwks": gateway.keys.jwks()}

    async def rotate_keys(self, *, by: str, reason: str, is_emergency: bool) -> Mapping[str, object]:
        """See `AdminState`."""
        gateway = self._gateway
        await gateway.key_rotation.rotate(by=by, reason=reason, is_emergency=is_emergency, now=gateway.now())
        return await self.keys()

    async def compromise_key(self, kid: str, *, by: str, reason: str) -> Mapping[str, object]:
        """See `AdminState`."""
        gateway = self._gateway
        await gateway.key_rotation.compromise(kid, by=by, reason=reason, now=gateway.now())
        return await self.keys()

    async def _concerned(self, phase: Phase) -> Mapping[str, object]:
        """Say who would be signed out, at once or when the access token ends, by client.

        Clients that get their tokens in a body may hold no cookie to fall back on.
        """
        live = await self._gateway.stores.families.count_live(self._gateway.now())
        without_cookie = {client.id for client in self._gateway.settings.clients if client.delivery == "body"}
        signed_out = {name: count for name, count in live.items() if name in without_cookie}
        return {
            "families_by_client": dict(live),
            "would_be_signed_out": signed_out if phase is Phase.OFF else {},
            "would_not_be_renewed": signed_out if phase is Phase.HANDBACK else {},
        }

    def _dependencies(self) -> list[Dependency]:
        gateway = self._gateway
        found = [Dependency("store", gateway.control.is_store_up)]
        state = gateway.stores.blacklist.state
        if state is not None:
            found.append(Dependency("redis", state().is_up))
        found += [Dependency(f"issuer:{alias}", is_usable) for alias, is_usable in gateway.issuers.states().items()]
        return found


class PassthroughAdministration:
    """The state behind the admin port while `ENABLE_JWT_AUTH=false`: there is nothing to change."""

    def __init__(self, gateway: PassthroughGateway, census: Census | None = None) -> None:
        self._gateway = gateway
        self._census = census or Itself(gateway)
        self.is_draining = False

    def readiness(self) -> Readiness:
        """See `AdminState`."""
        return Readiness("draining" if self.is_draining else "" if self._census.is_serving else "starting")

    async def phase(self) -> Mapping[str, object]:
        """See `AdminState`."""
        posture = self._gateway.flow.posture
        return {"phase": posture.phase, "decided_by": posture.source, "stored": None, "history": []}

    async def set_phase(
        self, phase: Phase, *, by: str, reason: str, rollout: float | None = None
    ) -> Mapping[str, object]:
        """See `AdminState`."""
        raise Conflict(_NO_PHASE)

    async def advance(self, *, by: str, reason: str, rollout: float | None, is_forced: bool) -> Mapping[str, object]:
        """See `AdminState`."""
        raise Conflict(_NO_PHASE)

    async def pause(self, *, by: str, reason: str, is_paused: bool) -> Mapping[str, object]:
        """See `AdminState`."""
        raise Conflict(_NO_PHASE)

    async def panic(self, *, by: str, reason: str) -> Mapping[str, object]:
        """See `AdminState`."""
        return await self.phase()

    async def roll_back(self, *, by: str, reason: str, is_rehearsal: bool) -> Mapping[str, object]:
        """See `AdminState`."""
        raise Conflict("Tokens are switched off already.")

    async def explain(self, *, subject: str, session_id: str) -> Mapping[str, object]:
        """See `AdminState`."""
        raise Conflict("ENABLE_JWT_AUTH=false: no store is open.")

    async def revoke(
        self, kind: RevocationKind, name: str, *, by: str, reason: str, is_rehearsal: bool
    ) -> Mapping[str, object]:
        """See `AdminState`."""
        raise Conflict("ENABLE_JWT_AUTH=false has switched tokens off; start without it to revoke any.")

    async def status(self) -> Mapping[str, object]:
        """See `AdminState`."""
        return {**await self.phase(), "readiness": self.readiness().body()}

    async def keys(self) -> Mapping[str, object]:
        """See `AdminState`."""
        raise Conflict(_NO_KEYS)

    async def rotate_keys(self, *, by: str, reason: str, is_emergency: bool) -> Mapping[str, object]:
        """See `AdminState`."""
        raise Conflict(_NO_KEYS)

    async def compromise_key(self, kid: str, *, by: str, reason: str) -> Mapping[str, object]:
        """See `AdminState`."""
        raise Conflict(_NO_KEYS)
