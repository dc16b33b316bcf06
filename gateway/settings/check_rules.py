"""Checks of routes, clients, tokens and what belongs to them."""

import re
from collections.abc import Iterator

from gateway.core.phases import PARTIAL
from gateway.core.rotation import LONGEST_GRACE
from gateway.headers import HOP_BY_HOP, fold_name
from gateway.settings.explain import closest
from gateway.settings.faults import Finding
from gateway.settings.schema.phase import BrownoutWindow
from gateway.settings.schema.root import Settings

_TAKEN = frozenset(fold_name(name) for name in HOP_BY_HOP) | {
    b"host",
    b"cookie",
    b"authorization",
    b"content_length",
    b"content_type",
    b"origin",
    b"forwarded",
    b"x_forwarded_for",
    b"x_forwarded_host",
    b"x_forwarded_port",
    b"x_forwarded_proto",
    b"x_real_ip",
    b"x_request_id",
    b"x_crossfade",
    b"traceparent",
    b"tracestate",
}
"""Header fields with a meaning of their own, folded."""
_BLANK = re.compile(r"\{([a-z]*)\}")
_SMALLEST = 1024
_SHORTEST_LEAD = 3600.0


def routes_lead_somewhere(settings: Settings) -> Iterator[Finding]:
    """Each route names an application that exists."""
    for index, route in enumerate(settings.routes):
        if route.upstream is not None and route.upstream not in settings.upstreams:
            yield unknown_upstream(("routes", index, "upstream"), route.upstream, settings)

    if "app" not in settings.upstreams and all(route.path != "/*" for route in settings.routes):
        yield Finding(("routes",), "needs a rule for all other paths: { path: /*, auth: optional }")


def unknown_upstream(place: tuple[str | int, ...], name: str, settings: Settings) -> Finding:
    """Make the finding for a name that no upstream has."""
    known = list(settings.upstreams)
    return Finding(place, f"no such upstream; there is {', '.join(known)}", closest(name, known), shows=True)


def routes_leave_our_prefix(settings: Settings) -> Iterator[Finding]:
    """What lies below our prefix never reaches a route."""
    for index, route in enumerate(settings.routes):
        path = route.path.removesuffix("/*").lower()
        if path == settings.prefix.lower() or path.startswith(f"{settings.prefix.lower()}/"):
            yield Finding(("routes", index, "path"), f"the gateway itself answers below {settings.prefix}", shows=True)


def routes_make_sense(settings: Settings) -> Iterator[Finding]:
    """No path stands twice, and no setting stands where it does nothing."""
    seen: dict[str, int] = {}
    for index, route in enumerate(settings.routes):
        first = seen.setdefault(route.path, index)
        if first != index:
            yield Finding(("routes", index, "path"), f"stands in routes[{first}] already", shows=True)
        if route.in_off == "deny" and route.auth != "required":
            yield Finding(("routes", index, "in_off"), "`deny` has a meaning only with `auth: required`")
        if route.forward_credentials and route.auth != "public":
            yield Finding(("routes", index, "forward_credentials"), "has a meaning only with `auth: public`")


def identity_headers_are_free(settings: Settings) -> Iterator[Finding]:
    """No two identity headers are one name to an application, and none is a header with another meaning."""
    seen: dict[bytes, str] = {}
    for key in type(settings.identity_headers).model_fields:
        name = str(getattr(settings.identity_headers, key))
        folded = fold_name(name.encode())
        first = seen.setdefault(folded, key)
        if name and first != key:
            yield Finding(("identity_headers", key), f"is the same name as `{first}` to many servers", shows=True)
        if folded in _TAKEN:
            yield Finding(("identity_headers", key), "this header field has a meaning of its own", shows=True)


def clients_make_sense(settings: Settings) -> Iterator[Finding]:
    """Each client has a name of its own and a way to its first token."""
    seen: dict[str, int] = {}
    for index, client in enumerate(settings.clients):
        first = seen.setdefault(client.id, index)
        if first != index:
            yield Finding(("clients", index, "id"), f"is the id of clients[{first}] already", shows=True)
        if client.delivery == "cookie" and client.secret_hash is not None:
            yield Finding(("clients", index, "secret_hash"), "a browser cannot keep a secret; use `delivery: body`")
        if client.audiences and client.secret_hash is None:
            yield Finding(
                ("clients", index, "audiences"), "has a meaning only with a `secret_hash`: who asks must prove it"
            )
        only_asks = not client.grants and client.audiences and client.secret_hash is not None
        if not {"token_exchange", "password"} & set(client.grants) and not only_asks:
            yield Finding(
                ("clients", index, "grants"), "without token_exchange or password the client never gets a first token"
            )


def lifetimes_fit(settings: Settings) -> Iterator[Finding]:
    """The shorter of two times is the shorter one."""
    tokens = settings.tokens
    if tokens.refresh < tokens.access:
        yield Finding(("tokens", "refresh"), "must not be shorter than tokens.access", shows=True)
    if tokens.grace >= tokens.access:
        yield Finding(("tokens", "grace"), "must be shorter than tokens.access", shows=True)
    if tokens.grace > LONGEST_GRACE:
        yield Finding(("tokens", "grace"), "must not be longer than 5m", shows=True)
    if tokens.idle is not None and tokens.idle <= tokens.grace:
        # Within the grace nothing is rotated, and a rotation is what puts off the idle end.
        yield Finding(("tokens", "idle"), "must be longer than tokens.grace", shows=True)
    if tokens.leeway > 300:
        yield Finding(("tokens", "leeway"), "must not be longer than 5m; set the clocks instead", shows=True)


def limits_leave_time_for_a_retry(settings: Settings) -> Iterator[Finding]:
    """Who lost an answer and is told to wait must not come back after the grace, where a retry looks like a theft."""
    rates, grace = settings.rates, settings.tokens.grace
    for name, rate in (("family", rates.family), ("account", rates.account), ("address", rates.address)):
        if rate is not None and 0 < grace <= rate.step:
            yield Finding(
                ("rates", name),
                "must let one more through in less than tokens.grace, or a retry that waits for it ends the session",
            )


def keys_outlive_their_tokens(settings: Settings) -> Iterator[Finding]:
    """A key is known before it signs and verifies for as long as a token that it signed lives."""
    tokens, rotation = settings.tokens, settings.key_rotation
    if rotation.publish_lead < _SHORTEST_LEAD:
        yield Finding(
            ("key_rotation", "publish_lead"), "must not be shorter than 1h, for which others keep our keys", shows=True
        )
    if rotation.retire_delay is not None and rotation.retire_delay < tokens.access + tokens.leeway:
        yield Finding(
            ("key_rotation", "retire_delay"), "must not be shorter than tokens.access and tokens.leeway", shows=True
        )
    retires_in = rotation.retire_delay or 0.0
    if rotation.every is not None and rotation.every < rotation.publish_lead + retires_in:
        yield Finding(
            ("key_rotation", "every"), "must be longer than the publish lead and the retire delay together", shows=True
        )


def issuers_are_told_apart(settings: Settings) -> Iterator[Finding]:
    """Each token has one issuer, and what an issuer names is nobody else's."""
    issuers: dict[str, str] = {settings.issuer: "is the issuer of the gateway's own tokens"}
    aliases = {session.realm: "is the realm of a session" for session in settings.sessions if session.realm}
    for index, issuer in enumerate(settings.issuers):
        for key, value, seen in (("issuer", issuer.issuer, issuers), ("alias", issuer.alias, aliases)):
            if value in seen:
                yield Finding(("issuers", index, key), seen[value], shows=True)
            seen.setdefault(value, f"stands in issuers[{index}] already")


def foreign_blacklists_can_be_read(settings: Settings) -> Iterator[Finding]:
    """Blacklists of others lie in the same Redis and are keyed by what a token says."""
    for index, template in enumerate(settings.revocation.also_check):
        place = ("revocation", "also_check", index)
        if settings.stores.redis is None:
            yield Finding(place, "needs stores.redis, where the other blacklist lies", shows=True)
        blanks = _BLANK.findall(template)
        if not blanks or not set(blanks) <= {"jti", "sid", "sub"} or re.sub(_BLANK, "", template).strip("{}") == "":
            yield Finding(place, "expected a key like blacklist:{jti}, with {jti}, {sid} or {sub}", shows=True)


def mirror_can_be_fed(settings: Settings) -> Iterator[Finding]:
    """A mirror knows what the feed in Redis and the log tell it, and nothing else."""
    revocation = settings.revocation
    if revocation.mode == "mirror" and settings.stores.redis is None:
        yield Finding(("revocation", "mode"), "mirror needs stores.redis, where its feed is", shows=True)
    if revocation.mode == "mirror" and revocation.also_check:
        yield Finding(
            ("revocation", "also_check"),
            "cannot be kept by mode mirror, since no feed tells of other blacklists; use strict",
            at_key=True,
        )
    if not 2.0 <= revocation.max_staleness <= 300.0:
        yield Finding(("revocation", "max_staleness"), "expected 2s to 5m; the log is read every second", shows=True)


def nobody_is_left_without_a_credential(settings: Settings) -> Iterator[Finding]:
    """Whoever is not in the rollout has his session cookie, and nothing else."""
    phase = settings.phase
    if phase.rollout != 100 and phase.initial not in PARTIAL:
        yield Finding(("phase", "rollout"), f"in {phase.initial} everybody takes part; expected 100%")


def windows_open_before_they_close(settings: Settings) -> Iterator[Finding]:
    """A window that never opens would be a rehearsal of nothing; of two at a time, one share could not hold."""
    windows = settings.phase.brownout.windows
    for number, window in enumerate(windows):
        other = next((at for at in range(number) if _overlap(windows[at], window)), None)
        if other is not None:
            text = f"overlaps with windows[{other}]; let one end first"
            yield Finding(("phase", "brownout", "windows", number), text)
        if window.end <= window.begin:
            yield Finding(("phase", "brownout", "windows", number, "end"), "expected a time after `begin`", shows=True)


def _overlap(one: BrownoutWindow, other: BrownoutWindow) -> bool:
    return one.begin < other.end and other.begin < one.end


def limits_let_requests_in(settings: Settings) -> Iterator[Finding]:
    """A limit that refuses every request is a mistake."""
    for key in ("request_line", "head", "response_head"):
        if getattr(settings.limits, key) < _SMALLEST:
            yield Finding(("limits", key), "expected 1KiB or more", shows=True)


def proofs_are_asked_for(settings: Settings) -> Iterator[Finding]:
    """A client must not show what nobody reads."""
    for index, client in enumerate(settings.clients):
        if client.dpop == "required" and not settings.dpop.enabled:
            yield Finding(("clients", index, "dpop"), "needs dpop: { enabled: true }")


def proofs_count_once_everywhere(settings: Settings) -> Iterator[Finding]:
    """Gateways that share a database and no Redis would each accept the same proof (RFC 9449 section 11.1)."""
    if settings.dpop.enabled and settings.stores.postgres is not None and settings.stores.redis is None:
        yield Finding(("dpop", "enabled"), "needs stores.redis, where all gateways see which proofs were shown")


def proofs_are_young(settings: Settings) -> Iterator[Finding]:
    """What was shown is remembered for as long as a proof is good, so that this cannot be long."""
    if settings.dpop.max_age > 600:
        yield Finding(("dpop", "max_age"), "expected at most 10m", shows=True)
