"""The admin port's own small server: the same strict wire as the data port, where every request is for us."""

import secrets

from starlette.types import ASGIApp

from gateway.core.rescue import answer_error
from gateway.core.trust import NOBODY
from gateway.errors import GatewayError
from gateway.facts import Nothing
from gateway.flow.live import Live
from gateway.flow.passthrough import PassthroughWatch
from gateway.http1.fields import FieldTable
from gateway.http1.limits import Limits
from gateway.model import Answer, Peer, RequestHead, Visit
from gateway.ports import Clock
from gateway.wire.policy import WirePolicy
from gateway.wire.server import WireServer
from gateway.wire.wheel import Wheel

_POLICY = WirePolicy(limits=Limits(head=16_384, body=65_536), idle_timeout=120.0, own_timeout=30.0)
"""Scrapers and probes hold a connection between two visits, which are up to a minute apart."""


def admin_server(app: ASGIApp, clock: Clock) -> WireServer:
    """Return the protocol factory of an admin port for an application of ours."""
    return WireServer(
        flow=OursAlone(),
        watch=PassthroughWatch(),
        live=Live(),
        pools={},
        own=app,
        table=FieldTable(()),
        proxies=NOBODY,
        policy=_POLICY,
        facts=Nothing(),
        clock=clock,
        wheel=Wheel(),
        request_prefix=f"admin-{secrets.token_hex(4)}",
    )


class OursAlone:
    """A flow in which every request is a visit to us."""

    def begin(self, head: RequestHead, peer: Peer, now: float) -> Visit:
        """Hand it to our application."""
        return Visit("admin")

    def refuse(self, error: GatewayError, head: RequestHead | None, request_id: str) -> Answer:
        """Make the answer of an error."""
        return answer_error(error, head=head, request_id=request_id)
