"""Visitors of a site under stress: each signs in, reads, refreshes, revokes, and leaves in the middle.

A visitor has two connections and knows of each of his tokens what must become of it.
"""

import asyncio
import random
import sys
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import orjson

from tests.soak.answers import Answer, Line
from tests.soak.calls import Caller, Numbers, claims_of
from tests.soak.cluster import session_cookie
from tests.soak.http import exchange_request, refresh_request, revoke_request
from tests.soak.ledger import MAX_STALENESS, Call, Revocable, Token, Troubles, code_of, find_fault

_MOST_FAULTS = 50
_HONEST = frozenset({"token", "session", "public"})
_REMEMBERED = 20
_PATIENCE = 30.0
_SETTLED = 5.0
"""Seconds after a signal in which a reload has reached every process."""


@dataclass
class Toggle:
    """A rule that changes with each reload: what it says now, and since when."""

    is_required: bool = True
    changed_at: float = 0.0

    def status(self, answer: Answer) -> int:
        """The status that is right for an answer; for a while after a change both are."""
        is_settled = answer.sent_at > self.changed_at + _SETTLED
        if not is_settled and answer.status in {200, 401}:
            return answer.status
        return 401 if self.is_required else 200


@dataclass
class Site:
    """What all visitors share: where the gateway is, what is going on there, and what was found."""

    port: int
    admin: str
    draw: random.Random
    troubles: Troubles = field(default_factory=Troubles)
    toggle: Toggle = field(default_factory=Toggle)
    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    next_name: Numbers = field(default_factory=Numbers)

    def judge(self, kind: str, call: Call, answer: Answer) -> None:
        """Count an answer, and write down what is wrong with it."""
        if kind == "toggled":
            call = replace(call, status=self.toggle.status(answer))
        if kind in _HONEST:
            self.troubles.note(answer)
        fault = find_fault(call, answer, self.troubles)
        asked_for = answer.status == call.status or not answer.status
        self.counts["requests"] += 1
        self.counts[kind] += 1
        self.counts["tokens refused"] += call.token is not None and answer.status == 401
        if answer.status >= 500:
            self.counts[f"5xx {'asked for' if asked_for else f'explained: {code_of(answer)}'}"] += not fault
        if fault:
            self.complain(f"{kind} {call.name} ({call.user}): {fault}: {answer.status} {answer.body[:200]!r}")

    def complain(self, fault: str) -> None:
        self.counts["faults"] += 1
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(f"at {time.time():.3f}: {fault}")
            print(self.faults[-1], file=sys.stderr, flush=True)


class Visitor:
    """One user after another, since a user who is revoked as a whole comes back under another name."""

    def __init__(self, site: Site, number: int) -> None:
        self._site = site
        self._number = number
        self._users = 0
        self.caller = Caller(site.draw, site.next_name)
        self._line = Line(site.port)
        self._admin = Line(site.admin)
        self._hands = [Line(site.port), Line(site.port)]
        self._is_ordering = asyncio.Lock()
        self._past: deque[Token] = deque(maxlen=_REMEMBERED)

    # --- the life of the tokens ---

    async def sign_in(self) -> None:
        self._users += 1
        name = f"visitor-{self._number}-{self._users}"
        self.user = Revocable("sub", name)
        self.cookie = session_cookie(name)
        await self._exchange()

    async def _exchange(self) -> None:
        answer = await self._insist("exchange", self._line, exchange_request(self.cookie))
        self._family = Revocable("sid", "")
        self._take(answer)

    async def _refresh(self) -> None:
        self._take(await self._insist("refresh", self._line, refresh_request(self._refresh_token)))

    def _take(self, answer: Answer) -> None:
        content = orjson.loads(answer.body)
        text = content["access_token"]
        claims = claims_of(text)
        self._family.name = str(claims["sid"])
        self._refresh_token = content["refresh_token"]
        circles = (Revocable("jti", str(claims["jti"])), self._family, self.user)
        self.token = Token(text, self.user.name, float(str(claims["exp"])), circles)
        self._past.append(self.token)

    async def _insist(self, kind: str, line: Line, request: bytes) -> Answer:
        """Ask until it is done. Only a trouble of the soak's own making is a reason to ask again."""
        call = Call(kind, request, has_content=False)
        until = time.monotonic() + _PATIENCE
        while True:
            answer = await line.ask(request)
            self._site.judge(kind, call, answer)
            if answer.status == 200 and answer.is_whole:
                return answer
            if time.monotonic() > until:
                raise TimeoutError(f"{kind} was not done in {_PATIENCE} s: {answer}")
            await asyncio.sleep(0.1)

    async def _revoke(self) -> None:
        """Revoke a circle of the token, by the operator or by the client; then show it at once, everywhere."""
        token, circle = self.token, self._site.draw.choice(self.token.circles)
        circle.ordered_at = time.time()
        if circle.kind == "sid" and self._site.draw.random() < 0.5:
            await self._insist("revoke by client", self._line, revoke_request(self._refresh_token))
        else:
            order = {"kind": circle.kind, "name": circle.name, "by": "soak", "reason": "soak"}
            body = orjson.dumps(order)
            head = b"POST /revoke HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            request = head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
            await self._insist(f"revoke by {circle.kind}", self._admin, request)
        circle.acknowledged_at = time.time()
        fresh = [Line(self._site.port) for _ in range(3)]
        await asyncio.gather(*(self._show(token, line) for line in fresh))
        for line in fresh:
            line.close()
        if circle.kind == "jti":
            await self._refresh()
        elif circle.kind == "sid":
            await self._exchange()
        else:
            await self.sign_in()

    async def look_after_tokens(self) -> None:
        """Refresh what is about to expire; now and then refresh or revoke without a need."""
        if self._is_ordering.locked():
            return
        async with self._is_ordering:
            chance = self._site.draw.random()
            if chance < 0.01:
                await self._revoke()
            elif chance < 0.02 or self.token.expires_at - time.time() < 10:
                await self._refresh()

    # --- visits ---

    async def _show(self, token: Token, line: Line) -> None:
        is_finished = time.time() > token.is_over_from(MAX_STALENESS)
        await self._ask("token that is over" if is_finished else "token", line, token, is_finished)

    async def _ask(self, kind: str, line: Line, token: Token, is_finished: bool) -> None:
        call = self.caller.honest(token, is_over=is_finished)
        self._site.judge(kind, call, await line.ask(call.request))

    async def visit(self, hand: int) -> None:
        """Do one thing, by chance."""
        line, caller, token = self._hands[hand], self.caller, self.token
        chance = self._site.draw.random()
        if chance < 0.55:
            await self._show(token, line)
        elif chance < 0.65:
            await self._show(self._site.draw.choice(self._past), line)
        elif chance < 0.68:
            request, until_answered = caller.abandoned(token)
            await line.begin(request, until_answered=until_answered)
            self._site.counts["abandoned"] += 1
        else:
            kind, make = self._site.draw.choices(_OTHERS, _WEIGHTS)[0]
            call = make(self, token)
            self._site.judge(kind, call, await line.ask(call.request))

    def close(self) -> None:
        for line in (self._line, self._admin, *self._hands):
            line.close()


Make = Callable[[Visitor, Token], Call]
_CALLS: dict[str, tuple[int, Make]] = {
    "session": (8, lambda visitor, _: visitor.caller.session(visitor.user.name, visitor.cookie)),
    "public": (4, lambda visitor, _: visitor.caller.public(visitor.cookie)),
    "nobody": (3, lambda visitor, _: visitor.caller.nobody()),
    "forged": (4, lambda visitor, token: visitor.caller.forged(token)),
    "toggled": (3, lambda visitor, _: visitor.caller.toggled()),
    "upload": (4, lambda visitor, token: visitor.caller.upload(token)),
    "early": (1, lambda visitor, token: visitor.caller.early(token)),
    "faulty": (6, lambda visitor, token: visitor.caller.faulty(token)),
    "hanging": (1, lambda visitor, token: visitor.caller.hanging(token)),
    "big": (1, lambda visitor, token: visitor.caller.big(token)),
}
_OTHERS = [(kind, make) for kind, (_, make) in _CALLS.items()]
_WEIGHTS = [weight for weight, _ in _CALLS.values()]
