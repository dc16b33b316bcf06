"""Published faults of gateways and proxies, each played against the whole gateway under its id.

`docs/security-review.md` says what happened to whom.
"""

import asyncio
import itertools
from collections.abc import Iterable, Mapping

import pytest

from tests.hostile.answers import OK
from tests.hostile.application import Arrival
from tests.hostile.catalogue import CHUNKED, HANDSHAKE, IDENTITY, SAID_OF_THE_WAY, SMUGGLED, get, post
from tests.hostile.gate import PATIENCE, Gate, read_answer

pytestmark = pytest.mark.asyncio(loop_scope="module")

CLOSE = b"Connection: close"
ALICE = b"Cookie: sid=<alice>"
PRIVATE = b"/private/a"
NEXT = get(CLOSE, target=b"/next")


async def sent(gate: Gate, raw: bytes) -> tuple[int, list[Arrival]]:
    """Send something on a connection of its own; return the status and what reached the application."""
    gate.app.clear()
    seen = await gate.talk([gate.fill(raw) + NEXT])
    await gate.settled()
    return read_answer(seen)[0], [arrival for arrival in gate.app.arrivals if arrival.target != "/next"]


async def ensure_nothing_arrives(gate: Gate, requests: Iterable[bytes], *statuses: int) -> None:
    for raw in requests:
        status, arrivals = await sent(gate, raw)
        assert (status in statuses, arrivals) == (True, []), (raw, status)


async def ensure_everybody_gets_his_own(gate: Gate) -> None:
    """Whatever was left behind in the pool answers nobody."""
    targets = [f"/canary/{number}" for number in range(3)]
    answers: list[tuple[int, Mapping[str, str], bytes]] = await asyncio.gather(
        *(gate.ask(get(CLOSE, target=target.encode())) for target in targets)
    )
    assert [(status, fields["x-target"], body) for status, fields, body in answers] == [
        (200, target, b"") for target in targets
    ]


def letters(name: str) -> list[bytes]:
    return [form.encode() for form in (name, name.lower(), name.upper(), name.swapcase(), name.title())]


# --- who somebody is ---


async def test_no_spelling_of_an_identity_header_arrives(gate: Gate) -> None:
    """CVE-2025-64484, CVE-2026-52845, CVE-2026-33433: one spelling was removed, and another one meant the same."""
    forms = [
        name.replace("-", separator) for name in IDENTITY for separator in ("-", "_", ".")
    ] + [name.replace("-", "_", 1) for name in IDENTITY]  # fmt: skip
    for form, target in itertools.product(forms, (b"/", b"/public/a", b"/hooks/a")):
        for spelled in letters(form):
            status, (arrival,) = await sent(gate, get(spelled + b": admin", target=target))
            assert status == 200
            folded = {name.replace("_", "-").replace(".", "-") for name, _ in arrival.fields}
            assert folded.isdisjoint(IDENTITY), (spelled, target)


async def test_what_we_do_not_know_of_a_user_nobody_else_may_say(gate: Gate) -> None:
    """CVE-2026-30851: a header was set where there was a value, and the client's own stood where there was none."""
    status, (arrival,) = await sent(gate, get(ALICE, *[f"{name}: admin".encode() for name in IDENTITY]))
    assert status == 200
    assert arrival.values("x-auth-subject") == ["alice"]
    assert arrival.values("x-auth-roles") == arrival.values("x-auth-scope") == []


async def test_no_header_that_we_set_can_be_named_in_connection(gate: Gate) -> None:
    """GHSA-w9mr-28mw-j8hg, CVE-2024-45410, CVE-2026-29054, CVE-2021-32813: named there, it was removed again."""
    for spelled in itertools.chain(*map(letters, ("X-Auth-Subject", "X-Auth-Credential", "X-Forwarded-For", "Cookie"))):
        _, (arrival,) = await sent(gate, get(b"Connection: close, " + spelled, ALICE))
        assert arrival.values("x-auth-subject") == ["alice"]
        assert arrival.values("x-auth-credential") == ["session"]
        assert arrival.values("x-forwarded-for") == ["127.0.0.1"]
        assert arrival.values("cookie") == [gate.fill(b"sid=<alice>").decode()]


async def test_a_header_that_decides_is_there_once(gate: Gate) -> None:
    """CVE-2026-26308, CVE-2021-32777: of several values one decided, and another one was obeyed behind it."""
    twice = [
        (b"Authorization: Bearer <token>", b"Authorization: Bearer <other_token>"),
        (b"Authorization: Bearer <token>", b"Authorization: Basic x"),
        (ALICE, b"Cookie: sid=<mallory>"),
        (b"Host: b",),
        (b"Content-Length: 0", b"Content-Length: 0"),
    ]
    await ensure_nothing_arrives(gate, [get(*lines) for lines in twice], 400)


async def test_a_program_that_looks_after_health_needs_a_credential_too(gate: Gate) -> None:
    """CVE-2026-34457: who called himself a health check was let in everywhere."""
    names = (b"kube-probe/1.30", b"GoogleHC/1.0", b"ELB-HealthChecker/2.0", b"Prometheus/2.0", b"crossfade")
    await ensure_nothing_arrives(gate, [get(b"User-Agent: " + name, target=PRIVATE) for name in names], 401)


async def test_what_a_stranger_says_of_the_way_decides_nothing(gate: Gate) -> None:
    """CVE-2026-40575, CVE-2026-33495, CVE-2026-35051, CVE-2026-54764, CVE-2026-39858, CVE-2023-27487, CVE-2024-45806.

    CVE-2026-57210: nor does what is no address reach anybody as one.
    """
    await ensure_nothing_arrives(gate, [get(line, target=PRIVATE) for line in SAID_OF_THE_WAY], 401)
    for said in (b"X-Forwarded-For: 6.6.6.6, <", b"X-Forwarded-For: 127.0.0.1, 10.0.0.1", b"X-Real-IP: '; --"):
        _, (arrival,) = await sent(gate, get(said))
        assert arrival.values("x-forwarded-for") == arrival.values("x-real-ip") == ["127.0.0.1"]


async def test_a_refusal_tells_nothing_of_what_it_protects(gate: Gate) -> None:
    """GHSA-59jp-rwph-878r: what was protected came with the page that refused it."""
    gate.app.clear()
    gate.app.answer = OK + b"Content-Length: 6\r\n\r\nsecret"
    for raw in (get(CLOSE, target=PRIVATE), post(CLOSE, b"Content-Length: 3", body=b"a=b", target=PRIVATE)):
        seen = await gate.talk([raw])
        assert read_answer(seen)[0] == 401
        assert b"secret" not in seen
    assert bytes(gate.app.received) == b""


async def test_no_cookie_header_costs_more_than_it_is_long(gate: Gate) -> None:
    """CVE-2023-28625, CVE-2024-24814: separators and nothing else, and pieces without end."""
    for value in (b"", b";", b"=", b"; " * 100, b";" * 30_000, b"=" * 30_000, b"a=1;" * 10_000, b"sid", b"sid=;" * 500):
        status, _ = await sent(gate, get(b"Cookie: " + value))
        assert status in {200, 400, 431}, value[:20]


# --- which path it is ---


async def test_a_fragment_is_no_part_of_a_request(gate: Gate) -> None:
    """CVE-2026-41059, CVE-2023-47106, CVE-2021-32779, CVE-2021-39206: rules read on behind a `#`, plain or encoded."""
    targets = (b"/public/a#/private", b"/private/a#/public/", b"/private/secret%23/public", b"/public/#/../private")
    await ensure_nothing_arrives(gate, [get(target=target) for target in targets], 400)


async def test_a_query_opens_no_path(gate: Gate) -> None:
    """CVE-2025-54576: the pattern of an open path was looked for in the query too."""
    targets = (b"/private/a?path=/public/a", b"/private/a?/public/", b"/private?x=y/public/a", b"/private/?/static")
    await ensure_nothing_arrives(gate, [get(target=target) for target in targets], 401)


async def test_a_path_that_could_be_read_in_two_ways_is_not_passed_on(gate: Gate) -> None:
    """CVE-2026-33494, CVE-2019-9901, CVE-2021-29492, CVE-2026-73511, CVE-2026-73551, CVE-2026-73553, CVE-2026-42272.

    CVE-2026-42274, CVE-2026-40912, CVE-2026-48020, CVE-2026-65600, CVE-2026-67309, CVE-2025-66490, CVE-2025-47952,
    CVE-2025-32431: the rule was chosen for one reading, and the application had another.
    """
    ways = (
        *(b"/public/../private", b"/public/./../private", b"/public/%2e%2e/private", b"/public/%2E./private"),
        *(b"/public%2f..%2fprivate", b"/public%2F..%2Fprivate", b"/public%5c..%5cprivate", b"/public//../private"),
        *(b"/public;/../private", b"/public/..;/private", b"/public/.;/../private", b"/public/%252e%252e/private"),
        *(b"/public/%c0%ae%c0%ae/private", b"/public/..%00/private", b"//private", b"/public/a%2f..%2f..%2fprivate"),
    )
    await ensure_nothing_arrives(gate, [get(target=way + b"/a") for way in ways], 400)


async def test_what_was_authorised_is_what_is_forwarded(gate: Gate) -> None:
    """GHSA-4jgr-pg2m-m988, CVE-2026-42273: neither the Host nor its spelling chooses a rule or adds a header."""
    for host in (b"A", b"a:80", b"www.example.com", b"WWW.EXAMPLE.COM"):
        line = b"Host: " + host + b"\r\n"
        assert (await sent(gate, get(target=PRIVATE, host=line)))[0] == 401
        _, (arrival,) = await sent(gate, get(host=line, target=b"/a/%41?b=%2F"))
        assert (arrival.target, arrival.values("host")) == ("/a/%41?b=%2F", [host.decode()])
        assert arrival.values("forwarded") == []


# --- where a request ends ---


async def test_a_refused_connect_leaves_nothing_behind(gate: Gate) -> None:
    """CVE-2026-71324: the body of a refused CONNECT lay in a pooled connection, and its answer was the next user's."""
    for body in (b"x" * 100, SMUGGLED, SMUGGLED * 20):
        raw = b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        await ensure_nothing_arrives(gate, [raw], 405)
        await ensure_everybody_gets_his_own(gate)


async def test_no_upgrade_opens_a_way_around(gate: Gate) -> None:
    """CVE-2026-88008: a tunnel to HTTP/2 was opened, in which nobody looked at a request any more."""
    lines = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA")
    status, (arrival,) = await sent(gate, get(*lines))
    assert status == 200
    assert [arrival.values(name) for name in ("upgrade", "connection", "http2-settings")] == [[], [], []]
    await ensure_nothing_arrives(gate, [get(*lines, target=PRIVATE)], 401)


async def test_nothing_is_a_tunnel_before_it_was_agreed_upon(gate: Gate) -> None:
    """CVE-2025-64763, CVE-2026-73548, CVE-2026-2833: early bytes behind an upgrade became somebody's request."""
    for early in (SMUGGLED, b"\x81\x85\0\0\0\0early"):
        gate.app.clear()
        gate.app.answer, gate.app.keeps_open = OK + b"Content-Length: 2\r\n\r\nno", True
        seen = await gate.talk([get(HANDSHAKE) + early])
        assert (read_answer(seen)[0], seen.count(b"HTTP/1.1 ")) == (200, 1)
        assert early not in bytes(gate.app.received)
        gate.app.clear()
        await ensure_everybody_gets_his_own(gate)
    upgrade = get(b"Connection: upgrade", b"Upgrade: foo", target=b"/1")
    _, arrivals = await sent(gate, upgrade + get(target=PRIVATE))
    assert [arrival.target for arrival in arrivals] == ["/1"]


async def test_a_length_beside_chunks_is_refused(gate: Gate) -> None:
    """CVE-2026-2835, CVE-2026-2836, CVE-2024-1135, CVE-2024-6827: and so are codings that not everybody knows."""
    codings = (
        b"chunked, identity",
        b"identity, chunked",
        b"xchunked",
        b"gzip, chunked",
        b"CHUNKED, chunked",
        b",chunked",
    )
    requests = [
        post(b"Content-Length: 6", CHUNKED, body=b"0\r\n\r\n" + SMUGGLED),
        post(CHUNKED, b"Content-Length: 6", body=b"0\r\n\r\n" + SMUGGLED),
        get(CHUNKED, line=b"POST / HTTP/1.0") + b"0\r\n\r\n" + SMUGGLED,
        post(CHUNKED, CHUNKED, body=b"0\r\n\r\n" + SMUGGLED),
        *(post(b"Transfer-Encoding: " + coding, body=b"0\r\n\r\n" + SMUGGLED) for coding in codings),
    ]
    await ensure_nothing_arrives(gate, requests, 400, 501)
    await ensure_everybody_gets_his_own(gate)


async def test_the_body_of_a_refused_request_is_never_a_request(gate: Gate) -> None:
    """CVE-2025-4366: what was not read before the answer was read as the next request."""
    body = SMUGGLED + get(ALICE, target=b"/smuggled")
    raw = post(b"Content-Length: %d" % len(body), target=PRIVATE, body=body)
    await ensure_nothing_arrives(gate, [raw], 401)
    await ensure_everybody_gets_his_own(gate)


async def test_chunks_end_as_the_standard_says(gate: Gate) -> None:
    """CVE-2025-43859, CVE-2023-47627, CVE-2024-23829: whatever stood in the place of the line's end was skipped."""
    for end in (b"XX", b"\n", b"\r", b"", b"\n\n", b"\0\0"):
        gate.app.clear()
        seen = await gate.talk([post(CHUNKED, body=b"5\r\nhello" + end + b"0\r\n\r\n" + SMUGGLED)])
        assert read_answer(seen)[0] == 400
        await gate.settled()
        assert gate.app.arrivals == []
    await ensure_everybody_gets_his_own(gate)


async def test_no_line_can_be_put_into_what_is_sent_on(gate: Gate) -> None:
    """CVE-2023-49081, CVE-2023-49082: a line break in a method, a version or a value began a line of its own."""
    lines = (
        *(
            b"GE\nT / HTTP/1.1",
            b"GET\r\nX: y / HTTP/1.1",
            b"GET / HTTP/1.1\nX-Auth-Subject: admin",
            b"GET /\r HTTP/1.1",
        ),
        b"GET / HTTP/1.1 \r\nX: y",
    )
    await ensure_nothing_arrives(gate, [get(line=line) for line in lines], 400, 405, 501, 505)
    values = (b"a\nX-Auth-Subject: admin", b"a\rX-Auth-Subject: admin", b"a\0b")
    await ensure_nothing_arrives(gate, [get(b"X: " + value) for value in values], 400)
    _, (arrival,) = await sent(gate, get(target=b"/?a=%0d%0aX-Auth-Subject:%20admin"))
    assert arrival.target == "/?a=%0d%0aX-Auth-Subject:%20admin"
    assert arrival.values("x-auth-subject") == []


@pytest.mark.parametrize("scheme", [b"NTLM TlRMTVNTUAAB", b"Negotiate YIIJvwYGKwYBBQ", b"negotiate YII", b"ntlm TlR"])
async def test_a_connection_that_was_signed_in_serves_nobody_else(gate: Gate, scheme: bytes) -> None:
    """CVE-2026-88007: NTLM and Negotiate sign a connection in, and everybody who came after on it with it."""
    gate.app.clear()
    gate.app.speak(b"x")  # so that no connection is left in the pool
    async with asyncio.timeout(PATIENCE):
        await gate.app.deserted.wait()
    assert (await gate.ask(get(CLOSE)))[0] == 200
    (before,) = gate.app.connections
    status, (arrival,) = await sent(gate, get(b"Authorization: " + scheme))
    assert (status, arrival.values("authorization")) == (200, [scheme.decode()])
    await ensure_everybody_gets_his_own(gate)
    assert before not in gate.app.connections
