"""Hostile requests and what becomes of them, one row each: groups A to G.

A framing · B chunks · C field syntax · D Host and target · E methods, upgrades, hop-by-hop · F identity · G paths.
`<word>` in a row stands for a value that exists once the gateway runs (see `gate.Gate.words`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

CHUNKED = b"Transfer-Encoding: chunked\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
LENGTH_OF_SMUGGLED = b"Content-Length: %d" % len(SMUGGLED)
HANDSHAKE = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
IDENTITY = ("x-auth-subject", "x-auth-credential", "x-auth-session", "x-auth-scope", "x-auth-roles")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What must be seen: the status of each answer, and the requests that reach the application whole.

    A connection that `stays` serves the next request as if nothing had been. `sees` are lines that the first request
    must hold, `hides` names that it must not.
    """

    statuses: tuple[frozenset[int], ...]
    arrivals: tuple[str, ...] = ()
    stays: bool = False
    is_broken: bool = False
    """The head may have reached the application before the fault came; the request never does."""
    sees: tuple[str, ...] = ()
    hides: tuple[str, ...] = ()
    body: bytes = b""
    may_continue: bool = False
    """The client may be told 100 before; otherwise it never is."""


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    raw: bytes
    outcome: Outcome
    ends: bool = False
    """The client sends its end of the stream behind it."""


def refused(*statuses: int) -> Outcome:
    """One answer, the connection closes, not one byte reaches the application."""
    return Outcome((frozenset(statuses),))


def broken(*statuses: int) -> Outcome:
    """As `refused`, but for what came before the fault."""
    return Outcome((frozenset(statuses),), is_broken=True)


def forwarded(
    *arrivals: str,
    status: int = 200,
    stays: bool = True,
    sees: Iterable[str] = (),
    hides: Iterable[str] = (),
    body: bytes = b"",
    may_continue: bool = False,
) -> Outcome:
    """Exactly these well-formed requests reach the application."""
    statuses = (frozenset({status}),) * len(arrivals)
    return Outcome(statuses, arrivals, stays, False, tuple(sees), tuple(hides), body, may_continue)


def answered(status: int) -> Outcome:
    """The gateway answers by itself and goes on."""
    return Outcome((frozenset({status}),), stays=True)


def get(*fields: bytes, target: bytes = b"/", line: bytes = b"", host: bytes = b"Host: a\r\n") -> bytes:
    lines = b"".join(field if field.endswith(b"\r\n") else field + b"\r\n" for field in fields)
    return (line or b"GET %b HTTP/1.1" % target) + b"\r\n" + host + lines + b"\r\n"


def post(*fields: bytes, body: bytes = b"", target: bytes = b"/") -> bytes:
    return get(*fields, line=b"POST %b HTTP/1.1" % target) + body


def chunks(body: bytes) -> bytes:
    return post(CHUNKED, body=body)


def each(name: str, values: Iterable[bytes], form: bytes, outcome: Outcome) -> Iterator[Case]:
    """One case for each value, put into a form with one `%b`."""
    return (Case(f"{name} {value.decode('latin-1')!r}", form % value, outcome) for value in values)


FRAMING = [
    Case("A1 length and chunked", post(b"Content-Length: 6", CHUNKED, body=b"0\r\n\r\nX"), refused(400)),
    Case(
        "A2 length and chunked hide a request",
        post(b"Content-Length: %d" % (len(SMUGGLED) + 5), CHUNKED, body=b"0\r\n\r\n" + SMUGGLED),
        refused(400),
    ),
    Case(
        "A3 chunked and a shorter length",
        post(b"Content-Length: 4", CHUNKED, body=b"27\r\n" + SMUGGLED + b"\r\n0\r\n\r\n"),
        refused(400),
    ),
    Case("A4 chunked before length", post(CHUNKED, b"Content-Length: 6", body=b"0\r\n\r\n" + SMUGGLED), refused(400)),
    Case(
        "A5 xchunked and length",
        post(b"Transfer-Encoding: xchunked", b"Content-Length: 5", body=b"hello"),
        refused(400, 501),
    ),
    Case(
        "A6 identity and length",
        post(b"Transfer-Encoding: identity", b"Content-Length: 5", body=b"hello"),
        refused(400),
    ),
    Case("A7 chunked is not last", post(b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n"), refused(400)),
    Case("A8 identity, chunked", post(b"Transfer-Encoding: identity, chunked", body=b"0\r\n\r\n"), refused(501)),
    Case("A9 gzip, chunked", post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"), refused(501)),
    Case("A10 empty list element", post(b"Transfer-Encoding: ,chunked", body=b"0\r\n\r\n"), refused(400)),
    Case(
        "A10 empty list element and length",
        post(b"Transfer-Encoding: ,chunked", b"Content-Length: 5", body=b"hello"),
        refused(400),
    ),
    Case("A11 chunked twice", post(CHUNKED, CHUNKED, body=b"0\r\n\r\n"), refused(400)),
    Case("A12 chunked, then identity", post(CHUNKED, b"Transfer-Encoding: identity", body=b"0\r\n\r\n"), refused(400)),
    *each("A13 quoted", [b'"chunked"', b"'chunked'"], post(b"Transfer-Encoding: %b", body=b"0\r\n\r\n"), refused(400)),
    *each(
        "A14 odd byte",
        [
            edge
            for byte in (b"\x0b", b"\x0c", b"\0", b"\x85", b"\xa0", b"\xff")
            for edge in (byte + b"chunked", b"chunked" + byte)
        ],
        post(b"Transfer-Encoding: %b", body=b"0\r\n\r\n"),
        refused(400),
    ),
    Case("A15 bare carriage return behind", post(b"Transfer-Encoding: chunked\r\r\n", body=b"0\r\n\r\n"), refused(400)),
    *each(
        "A16 before the colon", [b" ", b"\t"], post(b"Transfer-Encoding%b: chunked", body=b"0\r\n\r\n"), refused(400)
    ),
    Case("A17 folded line", post(b"Transfer-Encoding:\r\n chunked", body=b"0\r\n\r\n"), refused(400)),
    Case(
        "A18 behind a bare line feed",
        post(b"Content-Length: 5", b"X: X\nTransfer-Encoding: chunked", body=b"hello"),
        refused(400),
    ),
    Case(
        "A19 behind a bare carriage return", post(b"X: X\rTransfer-Encoding: chunked", body=b"0\r\n\r\n"), refused(400)
    ),
    Case("A20 HTTP/1.0", get(CHUNKED, line=b"POST / HTTP/1.0") + b"0\r\n\r\n", refused(400)),
    Case(
        "A20 HTTP/1.0 and length",
        get(CHUNKED, b"Content-Length: 5", line=b"POST / HTTP/1.0") + b"0\r\n\r\n",
        refused(400),
    ),
    Case("A21 empty and length", post(b"Transfer-Encoding:", b"Content-Length: 5", body=b"hello"), refused(400)),
    Case("A22 parameter", post(b"Transfer-Encoding: chunked;q=1", body=b"0\r\n\r\n"), refused(400)),
    Case(
        "A23 underscore and length",
        post(b"Transfer_Encoding: chunked", b"Content-Length: 5", body=b"hello"),
        refused(400),
    ),
    *each(
        "A24 look-alike",
        [b"Transf\x82r-Encoding", b"Transfer\\-Encoding", b"Tran\xc5\xbffer-Encoding", b"Transfer-Encod\xc4\xb1ng"],
        post(b"%b: chunked", body=b"0\r\n\r\n"),
        refused(400),
    ),
    Case("A25 two lengths", post(b"Content-Length: 5", b"Content-Length: 0", body=b"hello"), refused(400)),
    Case("A26 two equal lengths", post(b"Content-Length: 5", b"Content-Length: 5", body=b"hello"), refused(400)),
    *each(
        "A26-A31 length",
        [
            *(b"5, 5", b"5, 6", b"+5", b"-0", b"-48", b"0_5", b"0x5", b"0o5", b"1e1", b"5.0", b"5Z", b"5 5", b""),
            *(b"\xd9\xa5", b"5\xa0", b"0005", b"0200"),
        ],
        post(b"Content-Length: %b", body=b"hello"),
        refused(400),
    ),
    Case("A29 empty, then valid length", post(b"Content-Length:", b"Content-Length: 5", body=b"hello"), refused(400)),
    Case("A32 length above 2^64", post(b"Content-Length: 18446744073709551621", body=b"hello"), refused(400, 413)),
    Case("A33 underscore length", post(b"Content_Length: 5"), refused(400)),
    *(
        Case(
            f"A34 {method.decode()} with a request as its body",
            get(LENGTH_OF_SMUGGLED, line=method + b" /a HTTP/1.1") + SMUGGLED,
            forwarded(f"{method.decode()} /a", body=SMUGGLED),
        )
        for method in (b"GET", b"HEAD", b"OPTIONS", b"DELETE")
    ),
    Case(
        "A35 bytes behind an empty body",
        post(b"Content-Length: 0", body=b"X") + SMUGGLED,
        Outcome((frozenset({200}), frozenset({400, 405})), ("POST /",)),
    ),
    Case(
        "A36 a request in the body of a refused one",
        post(LENGTH_OF_SMUGGLED, target=b"/private/a", body=SMUGGLED),
        refused(401),
    ),
]

CHUNKS = [
    *each(
        "B1-B3 size",
        [b"0x5", b"+5", b"-5", b"0_5", b" 5", b"5zzz", b"", b"5 ", b"1" * 17],
        chunks(b"%b\r\nhello\r\n0\r\n\r\n"),
        broken(400),
    ),
    *each("B4 size ended by", [b"\n", b"\r", b"\rX"], chunks(b"5%bhello\r\n0\r\n\r\n"), broken(400)),
    *each("B5 data ended by", [b"\n", b"XX", b"", b"!!!\r\n"], chunks(b"5\r\nhello%b0\r\n\r\n"), broken(400)),
    *each("B6 extension", [b";a\n", b";a\r\rX", b";a=\0\r\n", b";\r\n"], chunks(b"5%bhello\r\n0\r\n\r\n"), broken(400)),
    Case("B7 long extension", chunks(b"5;" + b"a" * 65536 + b"\r\nhello\r\n0\r\n\r\n"), broken(400, 431)),
    Case("B7 many extensions", chunks((b"1;" + b"a" * 1024 + b"\r\nx\r\n") * 64 + b"0\r\n\r\n"), broken(400, 431)),
    Case(
        "B8 request as a trailer",
        chunks(b"0\r\nX:GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"),
        forwarded("POST /", hides=["x"]),
    ),
    *(
        Case(
            f"B9-B10 trailer {name}",
            chunks(b"5\r\nhello\r\n0\r\n%b\r\n\r\n" % line),
            forwarded("POST /", hides=[name], body=b"hello"),
        )
        for name, line in (
            ("content-length", b"Content-Length: 3"),
            ("authorization", b"Authorization: Bearer <token>"),
            ("x-auth-subject", b"X-Auth-Subject: admin"),
            ("cookie", b"Cookie: sid=<alice>"),
        )
    ),
    Case(
        "B9 trailers that route and frame",
        chunks(b"0\r\nTransfer-Encoding: x\r\nHost: evil\r\n\r\n"),
        forwarded("POST /", sees=["host: a", "transfer-encoding: chunked"]),
    ),
    Case("B11 trailer ended by a line feed", chunks(b"0\r\nX: y\n\r\n"), broken(400)),
    Case("B12 no last chunk", chunks(b"5\r\nhello\r\n"), broken(400), ends=True),
    Case("B12 no last byte of a length", post(b"Content-Length: 6", body=b"hello"), broken(400), ends=True),
    Case("B13 fault after a mebibyte", chunks(b"100000\r\n" + b"a" * 0x100000 + b"\r\nX\r\n"), broken(400)),
]

FIELDS = [
    Case("C1 space before the colon", get(b"X-Auth-Subject : admin"), refused(400)),
    Case("C2 folded line", get(b"X-A: 1\r\n X-Auth-Subject: admin"), refused(400)),
    Case("C3 first line begins with a space", get(host=b" Host: a\r\n"), refused(400)),
    *each("C4-C6 byte in a value", [b"\0", b"\r", b"\n", b"\x01", b"\x7f"], get(b"X-A: a%bb"), refused(400)),
    Case("C5 line feeds only", get().replace(b"\r\n", b"\n"), refused(400)),
    *each("C7 line", [b": x", b"X-A", b"X[A]: x", b"X(A): x", b"X A: x", b"X\xff: x"], get(b"%b"), refused(400)),
    Case("C8 value of 64 KiB", get(b"X: " + b"a" * 65536), refused(431)),
    Case("C8 many long fields", get(*[b"X-%d: " % number + b"a" * 1000 for number in range(90)]), refused(431)),
    Case("C8 ten thousand fields", get(*[b"X: 1"] * 10000), refused(431)),
    Case("C9 request line of 8000", get(target=b"/" + b"a" * 7986), forwarded("GET /" + "a" * 7986)),
    Case("C9 request line of 9000", get(target=b"/" + b"a" * 9000), refused(414)),
    Case("C9 request line of 64 KiB", get(target=b"/" + b"a" * 65536), refused(414)),
    Case("C10 high bytes in a field of the application", get(b"X-A: \xe4"), forwarded("GET /", sees=["x-a: \xe4"])),
    Case("C10 high bytes in Authorization", get(b"Authorization: Bearer \xe4"), refused(400)),
    Case("C10 high bytes in a cookie of others", get(b"Cookie: a=\xe4"), forwarded("GET /", sees=["cookie: a=\xe4"])),
    Case("C10 high bytes in the session cookie", get(b"Cookie: sid=\xe4"), refused(400)),
    Case("C10 high bytes around the session cookie", get(b"Cookie: \xa0sid=<alice>"), refused(400)),
    Case("C10 a Cookie of nothing but semicolons", get(b"Cookie: " + b";" * 60000), refused(431)),
]

TARGETS = [
    Case("D1 no Host", get(host=b""), refused(400)),
    Case("D2 two Hosts", get(b"Host: b"), refused(400)),
    Case("D2 two equal Hosts", get(b"Host: a"), refused(400)),
    *each(
        "D3 Host", [b"a, b", b"u@a", b"a/b", b"", b"a b", b"a:99999", b"[::1"], get(host=b"Host: %b\r\n"), refused(400)
    ),
    *each(
        "D4-D6 target",
        [
            *(b"http://evil/x", b"https://a/", b"ftp://a/", b"http://u@a/", b"http://[::1]/", b"http://a/#x"),
            *(b"a:443", b"foo", b"*"),
        ],
        get(target=b"%b"),
        refused(400),
    ),
    Case("D7 OPTIONS *", get(line=b"OPTIONS * HTTP/1.1"), forwarded("OPTIONS *")),
    *each(
        "D8-D9 byte in the target",
        [b"#", b" ", b"\t", b"\0", b"\xff", b'"', b"<", b"\\"],
        get(target=b"/a%b/../b"),
        refused(400),
    ),
    *each(
        "D10 request line",
        [b"GET  / HTTP/1.1", b"GET\t/ HTTP/1.1", b"GET /  HTTP/1.1", b" GET / HTTP/1.1"],
        b"%b\r\nHost: a\r\n\r\n",
        refused(400),
    ),
    *each(
        "D11 version",
        [b"HTTP/1.2", b"HTTP/2.0", b"HTTP/1.32", b"http/1.1", b"HTTP/0.9", b"RTSP/1.0", b"ICE/1.0"],
        b"GET / %b\r\nHost: a\r\n\r\n",
        refused(400, 505),
    ),
    Case("D11 HTTP/0.9", b"GET /\r\n", refused(400, 505)),
    Case("D11 HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", refused(400, 505)),
    Case("D12 one empty line first", b"\r\n" + get(), forwarded("GET /")),
    Case("D12 a thousand empty lines first", b"\r\n" * 1000 + get(), refused(400)),
]

HOPS = [
    Case("E1 CONNECT", b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", refused(405, 501)),
    Case(
        "E1 CONNECT with a body",
        b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\nContent-Length: 1\r\n\r\nx",
        refused(405, 501),
    ),
    Case(
        "E2 TRACE",
        get(b"Authorization: Bearer <token>", b"Cookie: sid=<alice>", line=b"TRACE / HTTP/1.1"),
        refused(405),
    ),
    *each(
        "E3 method", [b"get", b"FOOBAR", b"G-E-T", b"PROPFIND"], b"%b / HTTP/1.1\r\nHost: a\r\n\r\n", refused(405, 501)
    ),
    Case("E3 method of 10 KiB", b"A" * 10240 + b" / HTTP/1.1\r\nHost: a\r\n\r\n", refused(405, 501, 414)),
    Case(
        "E4 method override",
        get(b"X-HTTP-Method-Override: DELETE", b"X-HTTP-Method: DELETE", b"X-Method-Override: DELETE"),
        forwarded("GET /", hides=["x-http-method-override", "x-http-method", "x-method-override"]),
    ),
    Case(
        "E5 upgrade to HTTP/2",
        get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMA"),
        forwarded("GET /", hides=["upgrade", "connection", "http2-settings"]),
    ),
    Case(
        "E6 upgrade to something",
        get(b"Connection: upgrade", b"Upgrade: foo"),
        forwarded("GET /", hides=["upgrade", "connection"]),
    ),
    Case("E7 WebSocket of version 8", get(HANDSHAKE.replace(b"13", b"8")), refused(400, 426)),
    Case("E7 WebSocket without a key", get(HANDSHAKE.replace(b"Sec-WebSocket-Key", b"X")), refused(400, 426)),
    Case("E7 WebSocket by POST", post(HANDSHAKE), refused(400, 426)),
    Case("E7 WebSocket in HTTP/1.0", get(HANDSHAKE, line=b"GET / HTTP/1.0"), refused(400, 426)),
    Case(
        "E9 WebSocket where a credential is needed",
        get(HANDSHAKE, target=b"/private/ws"),
        refused(401),
    ),
    Case(
        "E10 names of ours in Connection",
        get(
            b"Connection: close, X-Auth-Subject, x-auth-credential, Host, Cookie, X-Forwarded-For, X-Request-ID",
            b"Cookie: sid=<alice>",
            b"X-Auth-Subject: admin",
        ),
        forwarded(
            "GET /", stays=False, sees=["x-auth-subject: alice", "cookie: sid=<alice>", "x-forwarded-for: 127.0.0.1"]
        ),
    ),
    Case(
        "E10 framing in Connection",
        post(
            b"Connection: Content-Length, Authorization",
            b"Content-Length: 5",
            b"Authorization: Bearer <token>",
            body=b"hello",
        ),
        forwarded("POST /", sees=["content-length: 5", "x-auth-subject: alice"], body=b"hello"),
    ),
    Case(
        "E11 hop-by-hop fields",
        get(
            *(b"Keep-Alive: 5", b"TE: trailers", b"Trailer: X", b"Proxy-Authorization: Basic x"),
            *(b"Proxy-Connection: keep-alive", b"Upgrade: x", b"Connection: x-hop", b"X-Hop: 1"),
        ),
        forwarded(
            "GET /",
            hides=[
                "keep-alive",
                "te",
                "trailer",
                "proxy-authorization",
                "proxy-connection",
                "upgrade",
                "connection",
                "x-hop",
            ],
        ),
    ),
    Case(
        "E12 a refused expectation is not continued",
        post(b"Expect: 100-continue", b"Content-Length: 5", target=b"/private/a"),
        refused(401),
    ),
    Case(
        "E13 expectation with its body at once",
        post(b"Expect: 100-continue", b"Content-Length: 5", body=b"hello"),
        forwarded("POST /", body=b"hello", hides=["expect"], may_continue=True),
    ),
    Case("E14 unknown expectation", get(b"Expect: 200-ok"), refused(417)),
    Case("E16 two requests at once", get(target=b"/1") + get(target=b"/2"), forwarded("GET /1", "GET /2")),
    Case(
        "E16 a request behind the last one",
        get(b"Connection: close", target=b"/1") + get(target=b"/2"),
        forwarded("GET /1", stays=False),
    ),
]

ANONYMOUS = forwarded("GET /", hides=IDENTITY)
ALICE = forwarded("GET /", sees=["x-auth-subject: alice", "cookie: sid=<alice>"], hides=["authorization"])
SPOOFED = [
    *(b"X-Auth-Subject: admin", b"X_Auth_Subject: admin", b"x-auth_subject: admin", b"X.Auth.Subject: admin"),
    *(b"X-AUTH-CREDENTIAL: bearer", b"X-Auth-Session: 1", b"X-Auth-Scope: all", b"X-Auth-Roles: admin"),
]
SPELLINGS = ["x_auth_subject", "x-auth_subject", "x.auth.subject"]
SAID_OF_THE_WAY = [
    *(b"X-Forwarded-For: 6.6.6.6", b"X_Forwarded_For: 6.6.6.6", b"X-Forwarded-Proto: https", b"X-Forwarded-Host: evil"),
    *(b"X-Forwarded-Port: 6", b"X-Forwarded-Prefix: /evil", b"X-Forwarded-Uri: /public/", b"X-Forwarded-Method: HEAD"),
    *(b"X-Forwarded-User: admin", b"Forwarded: for=6.6.6.6", b"X-Real-IP: 6.6.6.6", b"X-Original-URL: /public/"),
    *(b"X-Rewrite-URL: /public/", b"X-Envoy-Original-Path: /public/"),
]

IDENTITIES = [
    *(
        Case(
            f"F1-F2 identity headers on {line.decode()}",
            get(*SPOOFED, *fields, line=line + b" HTTP/1.1"),
            forwarded(line.decode(), hides=[*IDENTITY, *SPELLINGS]),
        )
        for line, fields in (
            *((b"GET /", []), (b"GET /public/a", []), (b"GET /hooks/a", []), (b"OPTIONS /", []), (b"HEAD /", [])),
            *((b"GET /public/a", [b"Cookie: sid=<alice>"]), (b"GET /", [b"Authorization: Basic x"])),
        )
    ),
    Case(
        "F1 identity headers on a WebSocket",
        get(*SPOOFED, HANDSHAKE),
        forwarded("GET /", status=101, stays=False, hides=IDENTITY),
    ),
    Case(
        "F1 identity headers beside a credential",
        get(*SPOOFED, b"Cookie: sid=<alice>"),
        forwarded(
            "GET /", sees=["x-auth-subject: alice", "x-auth-credential: session"], hides=["x-auth-roles", *SPELLINGS]
        ),
    ),
    Case(
        "F3 two Authorization",
        get(b"Authorization: Bearer <token>", b"Authorization: Bearer <other_token>"),
        refused(400),
    ),
    *each(
        "F3 not one credential",
        [
            *(b"Bearer a, Bearer b", b"Bearer <token>, Bearer <other_token>", b"Bearer\t<token>", b"Bearer <token> x"),
            *(b"Basic x, Bearer <token>", b"Bearer <token>,", b"Token <token>", b"<token>"),
        ],
        get(b"Authorization: %b"),
        refused(400),
    ),
    *each(
        "F3 one credential",
        [b"Bearer <token>", b"bearer <token>", b"BEARER  <token>"],
        get(b"Authorization: %b"),
        ALICE,
    ),
    Case(
        "F3 a credential of the application",
        get(b"Authorization: Basic YTpi"),
        forwarded("GET /", sees=["authorization: Basic YTpi"], hides=IDENTITY),
    ),
    Case(
        "F4 token, session and query of different users",
        get(b"Authorization: Bearer <token>", b"Cookie: sid=<mallory>", target=b"/?access_token=<other_token>"),
        forwarded("GET /?access_token=<other_token>", sees=["x-auth-subject: alice", "cookie: sid=<alice>"]),
    ),
    Case("F5 two Cookie lines", get(b"Cookie: sid=<alice>", b"Cookie: sid=<mallory>"), refused(400)),
    Case(
        "F5 two cookies of one name, of which the framework takes the first",
        get(b"Cookie: sid=<alice>; sid=<mallory>"),
        forwarded("GET /", sees=["x-auth-subject: alice", "cookie: sid=<alice>; sid=<mallory>"]),
    ),
    *each(
        "F6 cookie that parsers read differently",
        [
            *(b"=sid=<alice>", b"sid", b'"sid=<alice>; b"; sid=<mallory>', b"sid =<alice>", b"%73id=<alice>"),
            *(b"a=1, sid=<alice>", b'x="; sid=<alice>; y="', b"sid=<alice>,sid=<mallory>", b"sid[]=<alice>"),
        ],
        get(b"Cookie: %b"),
        refused(400),
    ),
    *each(
        "F6-F7 cookie of another name",
        [b"SID=<alice>", b"__Host-sid=<alice>", b"xsid=<alice>"],
        get(b"Cookie: %b"),
        ANONYMOUS,
    ),
    Case("F6 version", get(b"Cookie: $Version=1; sid=<alice>"), forwarded("GET /", sees=["x-auth-subject: alice"])),
    Case("F8 control byte in a cookie", get(b"Cookie: sid=a\x01"), refused(400)),
    Case("F8 cookie of 64 KiB", get(b"Cookie: sid=" + b"a" * 65536), refused(431)),
    Case("F8 a thousand cookies", get(b"Cookie: " + b"a=1; " * 1000 + b"sid=<alice>"), refused(400, 431)),
    Case(
        "F8 many cookies",
        get(b"Cookie: " + b"a=1; " * 500 + b"sid=<alice>"),
        forwarded("GET /", sees=["x-auth-subject: alice"]),
    ),
    Case(
        "F9 what a stranger says of the way",
        get(*SAID_OF_THE_WAY),
        forwarded(
            "GET /",
            sees=[
                "x-forwarded-for: 127.0.0.1",
                "x-forwarded-proto: http",
                "x-forwarded-host: a",
                "x-real-ip: 127.0.0.1",
            ],
            hides=[
                *("x_forwarded_for", "x-forwarded-prefix", "x-forwarded-uri", "x-forwarded-method", "x-forwarded-user"),
                *("forwarded", "x-original-url", "x-rewrite-url", "x-envoy-original-path"),
            ],
        ),
    ),
    Case("F9 another path than the one asked for", get(*SAID_OF_THE_WAY, target=b"/private/a"), answered(401)),
    Case(
        "F10 health checker", get(b"User-Agent: kube-probe/1.30", b"X-Health: 1", target=b"/private/a"), answered(401)
    ),
    *each(
        "F11 token",
        [
            *(b"<alg_none>", b"<hs256_of_public_key>", b"<unknown_crit>", b"<key_in_header>", b"<key_by_address>"),
            *(b"<kid_of_a_path>", b"<no_exp>", b"<expired>", b"<not_yet>", b"<no_audience>", b"<wrong_audience>"),
            *(b"<other_type>", b"<id_token>", b"<duplicate_claims>", b"<changed_payload>", b"<changed_signature>"),
            *(
                b"<no_signature>",
                b"<of_another_key>",
                b"<of_another_issuer>",
                b"<five_parts>",
                b"<huge_header>",
                b"<refresh>",
            ),
        ],
        get(b"Authorization: Bearer %b", target=b"/private/a"),
        answered(401),
    ),
    *each(
        "F11 token where none is needed",
        [b"<alg_none>", b"<expired>", b"<changed_payload>", b"<refresh>"],
        get(b"Authorization: Bearer %b", b"Cookie: sid=<alice>"),
        answered(401),
    ),
]

PATHS = [
    *each(
        "G1-G7 path",
        [
            *(
                b"/public/../private/a",
                b"/public/./../private/a",
                b"/public/..",
                b"/public/%2e%2e/private/a",
                b"/a/%2E./b",
            ),
            *(b"/a/.%2e/b", b"/public%2f..%2fprivate", b"/public%2Fa", b"/public%5c..%5cprivate", b"//private/a"),
            *(
                b"/public//../private/a",
                b"///",
                b"/public;/../private/a",
                b"/private/a;x=1",
                b"/..;/private/a",
                b"/.;/a",
            ),
            *(b"/private/a%00.css", b"/private/a%0d%0aX-Auth-Subject:%20admin", b"/%c0%ae%c0%ae/a", b"/%zz", b"/%2"),
            *(b"/public/%252e%252e/private/a", b"/a%252fb", b"/a%23/b", b"/a%3fb"),
        ],
        get(target=b"%b"),
        refused(400),
    ),
    *each(
        "G8 spelling of a path that needs a credential",
        [
            *(b"/private/a", b"/PRIVATE/a", b"/Private/", b"/%70rivate/a", b"/priv%61te/%61", b"/private/a."),
            *(b"/%ef%bd%90rivate/a", b"/private/?x=/public/"),
        ],
        get(target=b"%b"),
        answered(401),
    ),
    Case("G9 path in the query", get(target=b"/private/a?path=/public/a"), answered(401)),
    Case("G9 anything in the query", get(target=b"/a?path=../%2e%2e//%00;"), forwarded("GET /a?path=../%2e%2e//%00;")),
    Case("G10 fragment", get(target=b"/public/a#/private"), refused(400)),
]

CATALOGUE = [*FRAMING, *CHUNKS, *FIELDS, *TARGETS, *HOPS, *IDENTITIES, *PATHS]
