"""Which phase is in force, kept up to date: environment, override file, panic, store, configuration."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

import structlog

from gateway.core.brownout import NO_BROWNOUT, Brownout
from gateway.core.phases import PARTIAL, Posture, Stage, choose_posture, find_previous, read_override
from gateway.errors import Conflict, StoreUnavailable, Unavailable
from gateway.model import Phase
from gateway.phase_ports import PhaseStore

Apply = Callable[[Posture, float], None]
"""Takes a posture that has just come into force, and the time."""

_log = structlog.get_logger()

_RECORDING = 2.0  # seconds that a panic may take to be recorded; it is in force before


class PostureControl:
    """Looks at every level, tells `apply` when the posture changes, and logs who changed it and why.

    `find_override` returns the text of the override file, or None where there is none; it never raises.
    `has_panicked` tells whether an operator has pulled the brake, here or in another process of the same gateway;
    `keep_panic` pulls it or lets it go.
    """

    def __init__(
        self,
        *,
        store: PhaseStore,
        initial: Stage,
        find_override: Callable[[], str | None],
        has_panicked: Callable[[], bool],
        keep_panic: Callable[[bool], None],
        apply: Apply,
        rollout_key: bytes = b"",
        brownout: Brownout = NO_BROWNOUT,
    ) -> None:
        self.brownout = brownout
        """The windows that are configured; only the phase `brownout` has any, unless it is paused."""
        self._rollout_key = rollout_key
        self._store = store
        self._initial = initial
        self._find_override = find_override
        self._has_panicked = has_panicked
        self._keep_panic = keep_panic
        self._apply = apply
        self._stored: Stage | None = None
        self._override: Phase | None = None
        self._posture: Posture | None = None
        self.is_known = False
        """Whether the phase is known: a replica that cannot read the store at its start is not ready."""
        self.is_store_up = False
        """Whether the store could be read when it was last asked."""
        self.override_fault = ""
        """Why the override file is not followed; empty when it is, or when there is none."""

    @property
    def posture(self) -> Posture:
        """The posture in force."""
        assert self._posture is not None, "look first"
        return self._posture

    def glance(self, now: float) -> None:
        """Look at the levels that need no store."""
        self._look_at_override()
        if self._posture is not None:
            self._choose(now)

    async def look(self, now: float) -> None:
        """Look at every level again. What cannot be read stays as it was last seen."""
        self.glance(now)
        try:
            self._stored = await self._store.read()
            self.is_known = self.is_store_up = True
        except Unavailable:
            self.is_store_up = False
            self.is_known = self.is_known or self._override is not None or self._has_panicked()
        self._choose(now)

    async def panic(self, *, by: str, reason: str, now: float) -> Posture:
        """Switch tokens off at once; no store is needed, none can hold it up.

        Then it is stored, if it can be: the history tells of it, and other gateways on the same store follow.
        """
        self._keep_panic(True)
        self._choose(now, by=by, reason=reason)
        try:
            async with asyncio.timeout(_RECORDING):
                await self._store.write(replace(self.stage, phase=Phase.OFF), by=by, reason=reason, now=now)
        except (Unavailable, TimeoutError) as error:
            _log.warning("the panic is in force but not stored", fault=type(error).__name__, by=by, reason=reason)
        return self.posture

    async def choose(
        self, phase: Phase, *, by: str, reason: str, now: float, rollout: float | None = None, is_paused: bool = False
    ) -> Posture:
        """Store a phase, and for which part of the users (percent; without it, that of before). A panic is over then.

        Raises:
            Conflict: a level above the store decides, or a part of the users would be left without a credential.
            StoreUnavailable: it could not be stored.
        """
        if self._override is not None:
            raise Conflict("The override file decides; remove it first.")
        stage = Stage(phase, self.stage.rollout if rollout is None else rollout, is_paused)
        if phase not in PARTIAL and stage.rollout != 100:
            rest = f"and the rollout is {stage.rollout:g}%; `--rollout 100%` takes all in."
            raise Conflict(f"In {phase} everybody takes part, {rest}")
        await self._store.write(stage, by=by, reason=reason, now=now)
        self._keep_panic(False)
        goes_on = self._stored is not None and self._stored.phase is phase
        self._stored = replace(stage, since=self._stored.since if self._stored is not None and goes_on else now)
        self.is_known = self.is_store_up = True
        self._choose(now, by=by, reason=reason)
        return self.posture

    async def pause(self, *, is_paused: bool, by: str, reason: str, now: float) -> Posture:
        """Keep the phase where it is, or let it go on; nothing else changes.

        What is stored is read first: another gateway may have stored a panic since it was looked at.

        Raises:
            Conflict: something else than the store decides.
            StoreUnavailable: it could not be stored.
        """
        self._stored = await self._store.read()
        if self._has_panicked():
            raise Conflict("There was a panic; choose a phase first.")
        return await self.choose(self.stage.phase, by=by, reason=reason, now=now, is_paused=is_paused)

    @property
    def stage(self) -> Stage:
        """What was chosen last: in the store, else in the configuration. A level above may have decided otherwise."""
        return self._stored or self._initial

    def find_previous(self) -> Phase | None:
        """Return the phase one step back, or None at the beginning of the journey."""
        return find_previous(self.posture.phase)

    async def describe(self) -> Mapping[str, object]:
        """Return the phase in force, for whom, since when, which level decided, and the newest changes."""
        try:
            history = list(await self._store.history(10))
        except StoreUnavailable:
            history = []
        return {
            "phase": self.posture.phase,
            "decided_by": self.posture.source,
            "stored": self._stored.phase if self._stored is not None else None,
            "rollout": self.posture.rollout.percent,
            "is_paused": self.stage.is_paused,
            "since": self.stage.since,
            "override_fault": self.override_fault,
            "history": history,
        }

    def _look_at_override(self) -> None:
        text = self._find_override()
        try:
            self._override = None if text is None else read_override(text)
            self.override_fault = ""
        except ValueError as error:
            # A typing mistake in the file must not undo what it said before.
            if self.override_fault != str(error):
                _log.warning("the override file is not followed", fault=str(error))
            self.override_fault = str(error)

    def _choose(self, now: float, *, by: str = "", reason: str = "") -> None:
        posture = choose_posture(
            is_enabled=True,
            override=self._override,
            has_panicked=self._has_panicked(),
            stored=self._stored,
            initial=self._initial,
            rollout_key=self._rollout_key,
            brownout=self.brownout,
        )
        if posture != self._posture:
            self._posture = posture
            rollout = posture.rollout.percent
            _log.info("phase", phase=posture.phase, source=posture.source, rollout=rollout, by=by, reason=reason)
            self._apply(posture, now)
