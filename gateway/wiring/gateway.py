"""The whole gateway, put together from the configuration; and its life."""

import asyncio
import secrets as randomness
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Self

from starlette.types import ASGIApp

from gateway.bridge.headers import IdentityHeaders
from gateway.core.own_cookies import NAMES
from gateway.core.phases import Posture, Stage, posture_of
from gateway.core.translate import Translator
from gateway.flow.behind import SessionsBehind
from gateway.flow.forms import FormProtection
from gateway.flow.login import PasswordLogin
from gateway.flow.posture import PostureControl
from gateway.flow.prove import Prover
from gateway.flow.rates import TokenRates
from gateway.flow.recheck import Recheck
from gateway.flow.removals import Removals
from gateway.flow.request import RequestFlow
from gateway.flow.standing import TokenStanding
from gateway.flow.tokens import TokenFlow, TokenSecrets
from gateway.flow.watch import ResponseWatch
from gateway.model import LegacySession
from gateway.observe.log import with_access_log
from gateway.ports import Clock, SessionEnder
from gateway.settings.schema.root import Settings
from gateway.web.app import create_token_app
from gateway.wiring import policies
from gateway.wiring.carrier import Carrier
from gateway.wiring.clock import SystemClock
from gateway.wiring.csrf import open_csrf
from gateway.wiring.delivery import cookies_of, open_delivery
from gateway.wiring.events import SessionListeners
from gateway.wiring.gauges import Gauges
from gateway.wiring.keys import open_key_rotation, open_listed_keys
from gateway.wiring.logins import open_logins
from gateway.wiring.measures import measures_of
from gateway.wiring.overrides import brake_beside, find_text
from gateway.wiring.recent import open_limiter, open_possession, open_tickets
from gateway.wiring.reload import in_force_after, needs_restart
from gateway.wiring.remote import open_issuers, open_remote_tokens
from gateway.wiring.sessions import open_enders, open_sessions, open_transports
from gateway.wiring.shadow import open_shadow
from gateway.wiring.share import ALONE, News, Share, Word
from gateway.wiring.stores import open_secrets, open_stores
from gateway.wiring.sweep import Sweep
from gateway.wiring.vaults import open_vaults
from gateway.wiring.watching import codec_alert, open_inference


class Gateway(Carrier):
    """Everything that serves requests, wired together. Open it in the loop that it will live in."""

    def __init__(
        self, settings: Settings, environ: Mapping[str, str], clock: Clock, opened: AsyncExitStack, share: Share
    ) -> None:
        """See `open`, which also closes what was opened when the rest cannot be."""
        super().__init__(settings, clock, opened, share)
        self.settings = settings
        self._environ = environ
        self._cookies = cookies_of(settings)
        keys_of_master = open_secrets(settings, environ)
        self.metrics = share.metrics or measures_of(settings).metrics()
        self.facts = with_access_log(self.metrics, environ)
        self.sessions = open_sessions(settings, environ, self.upstreams, codec_alert(self.facts))
        for sessions in self.sessions.values():
            opened.push_async_callback(sessions.close)
        self.stores = stores = open_stores(settings, environ, clock, opened, self.live.end)
        self.key_rotation = open_key_rotation(
            settings, environ, stores.keys, keys_of_master.signing_key_seal, self.live.end_tokens
        )
        self.keys = self.key_rotation.ring
        opened.callback(self.keys.close)
        self.issuers = open_issuers(settings, clock, self.facts)
        opened.push_async_callback(self.issuers.aclose)
        self.remote = open_remote_tokens(settings, self.issuers, stores.revocation, self.facts)
        self._transports = open_transports(self.upstreams, opened)
        self._login_transports = open_transports(self.upstreams, opened)  # so that logins hold up no logout
        self._vaults = open_vaults(
            settings, environ, clock, opened, stores, keys_of_master, self.sessions, lambda: self.tokens, self.facts
        )
        self._csrf = open_csrf(settings, environ, randomness.token_bytes)
        self._sites = {site.name: site for site in policies.sites_of(settings)}
        self._possession = open_possession(settings, environ, self.facts, opened, keys_of_master.nonce_key)
        self._tickets = open_tickets(settings, environ, opened, keys_of_master.ticket_key)
        self._rates = TokenRates(policies.rate_policy_of(settings), open_limiter(settings, environ, opened), self.facts)
        self._inference = open_inference(settings, self.facts)
        self._behind = SessionsBehind(sessions=self.sessions, inference=self._inference, pause=asyncio.sleep)
        token_secrets = TokenSecrets(keys_of_master.pepper, keys_of_master.session_hash_key)
        self.tokens: TokenFlow = self._token_flow(token_secrets)
        self.recheck = Recheck(
            vault=self._vaults.living,
            behind=self._behind,
            end=self.tokens.end_family,
            since=clock.wall(),
            life=settings.tokens.access + settings.tokens.leeway,
        )
        self._delivery = open_delivery(settings, self._cookies, self.tokens, lambda: self.flow.posture, self.facts)
        self._shadow = open_shadow(
            settings, lambda: self.flow.posture, self.sessions, self.upstreams, stores, self.keys, self.facts
        )
        self.flow: RequestFlow = self._request_flow()
        self.watch: ResponseWatch = self._response_watch()
        self.own: ASGIApp = self._own_app()
        self.control = self._posture_control(keys_of_master.rollout_key)
        self.each_second: list[Callable[[float], None]] = []
        self._sweep = Sweep(stores.families, is_ours=share.keeps_house)
        self._listeners = SessionListeners(settings, environ, self._removals(), self.now, is_ours=share.keeps_house)
        opened.push_async_callback(self._listeners.close)
        self.gauges = Gauges(self.metrics, self.key_rotation, stores.blacklist, self.issuers, self._listeners)

    # --- life ---

    @classmethod
    async def open(
        cls, settings: Settings, environ: Mapping[str, str], clock: Clock | None = None, share: Share = ALONE
    ) -> Self:
        """Open everything, or nothing. `share` is what this process has of a gateway that several serve.

        Raises:
            ConfigurationError: a file, a key, a secret or an address cannot be used.
        """
        async with AsyncExitStack() as opened:
            gateway = cls(settings, environ, clock or SystemClock(), opened, share)
            gateway._opened = opened.pop_all()
        return gateway

    async def start(self) -> None:
        """Read what the stores hold, so that the first request finds it.

        Raises:
            StartError: the database cannot be reached, or its tables are not there.
        """
        await self.stores.start()
        await self.key_rotation.start(self.now())
        await self.issuers.start()
        await self._listeners.start()
        await self.control.look(self.now())
        self.wheel.start()
        self.is_started = True

    def glance(self, now: float) -> None:
        """See what an operator decided by hand, fetch keys that are due, show how things are.

        No store can hold this up.
        """
        self.control.glance(now)
        self.issuers.look()
        self.gauges.show(is_store_up=self.control.is_store_up)
        for look in self.each_second:
            look(now)

    async def tick(self, now: float) -> None:
        """Do what is due each second."""
        self.recheck.forget(now)
        # Side by side: what waits for a store that is silent delays nothing else.
        parts = [self.control.look(now), self.key_rotation.look(now), self.watch.finish(now), self._sweep.look(now)]
        ends = await asyncio.gather(*parts, return_exceptions=True)
        self.gauges.show(is_store_up=self.control.is_store_up)
        for fault in filter(None, ends):
            raise fault

    def hear(self, word: Word, now: float) -> None:
        """Take in what another process of this gateway tells. What it says of a store is seen with the next tick."""
        if word.news is News.PHASE:
            self.control.glance(now)
            return
        sessions = self.sessions.get(word.site)
        if sessions is not None:
            sessions.forget(LegacySession(word.site, word.key, subject=""))
        self.live.end_session_here(word.site, word.key)

    def now(self) -> float:
        """Seconds since 1970, by the gateway's clock."""
        return self._clock.wall()

    def reload(self, settings: Settings) -> list[str]:
        """Take over the routes and keys of a new configuration; returns the sections that need a restart.

        What is in force stands in `settings` afterwards: everything else stays as it was started.

        Raises:
            ConfigurationError: a key cannot be used, or a route leads to an application that only a restart would
                know. Nothing was changed.
        """
        fresh = in_force_after(self.settings, settings)
        listed, routes = (
            open_listed_keys(fresh, self._environ),
            policies.routes_of(fresh.routes, fresh.default_upstream),
        )
        self.key_rotation.take(listed, fresh.tokens.algorithm, self.now())
        self.flow.routes = routes
        self.settings = fresh
        return needs_restart(fresh, settings)

    # --- parts ---

    def _token_flow(self, secrets: TokenSecrets) -> TokenFlow:
        return TokenFlow(
            policy=replace(policies.token_policy_of(self.settings), takes_part=self._takes_part),
            families=self.stores.families,
            log=self.stores.log,
            revocation=self.stores.revocation,
            keys=self.keys,
            vault=self._vaults.sealed,
            living=self._vaults.living,
            sessions=self.sessions,
            enders=self._enders(),
            secrets=secrets,
            live=self.live,
            facts=self.facts,
            remote=self.remote,
            entropy=randomness.token_bytes,
            rates=self._rates,
            behind=self._behind,
        )

    def _takes_part(self, subject: str) -> bool:
        return self.flow.posture.rollout.includes(subject)

    def _enders(self) -> dict[str, SessionEnder]:
        return open_enders(
            self.settings,
            sites=self._sites,
            stores=self.sessions,
            csrf=self._csrf,
            clock=self._clock,
            upstreams=self.upstreams,
            transports=self._transports,
            mints=self._vaults.mints,
        )

    def _request_flow(self) -> RequestFlow:
        settings, tokens = self.settings, self.settings.tokens
        names = settings.identity_headers
        prover = Prover(
            policy=policies.prover_policy_of(settings),
            keys=self.keys,
            identity_headers=IdentityHeaders(**names.model_dump()),
            facts=self.facts,
        )
        return RequestFlow(
            policy=policies.request_policy_of(settings, self._cookies),
            posture=posture_of(settings.phase.initial, "initial"),
            routes=policies.routes_of(settings.routes, settings.default_upstream),
            translator=Translator(
                own=NAMES,
                identity=frozenset(name for site in self._sites.values() for name in site.cookies),
            ),
            prover=prover,
            forms=FormProtection(self._csrf, list(self._sites.values()), self.sessions),
            standing=TokenStanding(
                leeway=tokens.leeway,
                revocation=self.stores.revocation,
                recheck=self.recheck,
                vault=self._vaults.living,
                sites=list(self._sites.values()),
                sessions=self.sessions,
                behind=self._behind,
                end_family=self.tokens.end_family,
            ),
            sessions=self.sessions,
            facts=self.facts,
            tickets=self._tickets,
            possession=self._possession,
            remote=self.remote,
            delivery=self._delivery,
        )

    def _response_watch(self) -> ResponseWatch:
        return ResponseWatch(
            sites=list(self._sites.values()),
            cookies=self._cookies,
            cross_origin=policies.cross_origin_of(self.settings),
            tokens=self.tokens,
            vault=self._vaults.sealed,
            sessions=self.sessions,
            facts=self.facts,
            inference=self._inference,
            pause=asyncio.sleep,
            delivery=self._delivery,
            shadow=self._shadow,
        )

    def _own_app(self) -> ASGIApp:
        return create_token_app(
            tokens=self.tokens,
            flow=self.flow,
            clients=policies.clients_of(self.settings),
            public_origin=str(self.settings.public_url),
            keys=self.keys,
            policy=policies.token_policy_of(self.settings),
            sites=list(self._sites.values()),
            clock=self._clock,
            prefix=self.settings.prefix,
            cookies=self._cookies,
            cross_origin=policies.cross_origin_of(self.settings),
            proxies=self.proxies,
            remote_issuers=policies.remote_issuers_of(self.settings),
            possession=self._possession,
            login=self._password_login(),
            tickets=self._tickets,
        )

    def _password_login(self) -> PasswordLogin:
        transports = self._login_transports
        replays = open_logins(self.settings, self._sites, self.sessions, self._clock, self.upstreams, transports)
        return PasswordLogin(replays, self.sessions, self.tokens, self._rates, self.facts, asyncio.sleep)

    def _removals(self) -> Removals:
        return Removals(
            tokens=self.tokens,
            families=self.stores.families,
            vault=self._vaults.living,
            behind=self._behind,
            sessions=self.sessions,
            live=self.live,
            facts=self.facts,
            pause=asyncio.sleep,
        )

    def _posture_control(self, rollout_key: bytes) -> PostureControl:
        override = self.settings.phase.override_file
        brake = self._share.brake or brake_beside(override)

        def keep_panic(is_pulled: bool) -> None:
            brake.set(is_pulled=is_pulled)
            self._share.siblings.tell(Word(News.PHASE))

        return PostureControl(
            store=self.stores.phase,
            initial=Stage(self.settings.phase.initial, self.settings.phase.rollout),
            find_override=lambda: find_text(override),
            has_panicked=lambda: brake.is_pulled,
            keep_panic=keep_panic,
            apply=self._apply,
            rollout_key=rollout_key,
            brownout=policies.brownout_of(self.settings.phase.brownout, rollout_key),
        )

    def _apply(self, posture: Posture, now: float) -> None:
        if self.flow.posture.is_transparent and not posture.is_transparent:
            self.recheck.begin(now)
        self.flow.posture = posture
        self.metrics.set_phase(posture.phase)
