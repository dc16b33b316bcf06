"""What a client and the application see of the gateway, whichever server it runs in."""

import hashlib
import http.client
import json
import socket
import struct
import time

import pytest

from tests.asgi.application import BIG, PATIENCE
from tests.asgi.shells import PAGE, Door, request

IDENTITY = ("x-auth-subject", "x-auth-credential", "x-auth-session", "x-auth-scope", "x-auth-roles")


class Suite:
    """Subclasses name the shell."""

    shell = ""

    # --- what is forwarded ---

    def test_method_target_and_fields_arrive_as_they_were_sent(self, door: Door) -> None:
        target = "/a%20b/%7euser?q=%2B&e=&q=%2F..;x"
        raw = (
            f"PUT {target} HTTP/1.1\r\nHost: www.example.com\r\nX-Two: 1\r\nx-two: 2\r\nAccept: */*\r\n"
            "Content-Length: 0\r\nConnection: keep-alive, X-Gone\r\nX-Gone: 1\r\nTE: trailers\r\nKeep-Alive: 5\r\n\r\n"
        )
        assert door.talk(raw.encode(), "PUT").status == 200
        arrival = door.app.arrivals[-1]
        assert (arrival.method, arrival.target) == ("PUT", target)
        assert arrival.values("host") == ["www.example.com"]
        assert arrival.values("x-two") == ["1", "2"]
        for name in ("connection", "keep-alive", "te", "x-gone", "authorization", "cookie"):
            assert arrival.values(name) == []

    def test_identity_fields_of_a_client_never_arrive_in_any_spelling(self, door: Door) -> None:
        spellings = {"X-Auth-Subject": "root", "x_auth_roles": "admin", "X.Auth.Scope": "all", "X-AUTH_Session": "1"}
        assert door.ask("/", spellings).status == 200
        names = [name.replace("_", "-").replace(".", "-") for name, _ in door.app.arrivals[-1].fields]
        assert set(names).isdisjoint(IDENTITY)

    def test_transport_fields_of_a_stranger_are_replaced(self, door: Door) -> None:
        said = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "gopher", "Forwarded": "for=6.6.6.6"}
        door.ask("/", {**said, "X-Real-IP": "6.6.6.6", "X-Original-URL": "/admin"})
        arrival = door.app.arrivals[-1]
        assert arrival.values("x-forwarded-for") == arrival.values("x-real-ip") == ["127.0.0.1"]
        assert arrival.values("x-forwarded-proto") == ["http"]
        assert arrival.values("x-forwarded-host") == ["www.example.com"]
        assert arrival.values("forwarded") == arrival.values("x-original-url") == []

    def test_a_request_id_is_kept_or_made(self, door: Door) -> None:
        door.ask("/", {"X-Request-ID": "mine-1"})
        assert door.app.arrivals[-1].values("x-request-id") == ["mine-1"]
        door.ask("/")
        (made,) = door.app.arrivals[-1].values("x-request-id")
        assert made

    def test_a_body_of_known_length_arrives_whole(self, door: Door) -> None:
        body = BIG[:1_000_000]
        seen = json.loads(door.post("/", body).body)
        assert seen == {"length": len(body), "sha256": hashlib.sha256(body).hexdigest()}

    def test_a_chunked_body_arrives_whole(self, door: Door) -> None:
        body = BIG[:500_000]
        chunks = b"".join(b"%x\r\n%b\r\n" % (50_000, body[at : at + 50_000]) for at in range(0, 500_000, 50_000))
        raw = request("/", {"Transfer-Encoding": "chunked"}, method="POST") + chunks + b"0\r\n\r\n"
        seen = json.loads(door.talk(raw, "POST").body)
        assert seen == {"length": len(body), "sha256": hashlib.sha256(body).hexdigest()}
        assert door.app.arrivals[-1].values("content-length") == []

    def test_a_body_above_the_limit_is_refused(self, door: Door) -> None:
        assert door.ask("/", {"Content-Length": "2000001"}, method="POST").status == 413
        assert door.app.arrivals == []

    # --- who is asking ---

    def test_an_anonymous_request_goes_through_as_anonymous(self, door: Door) -> None:
        door.ask("/", {"Cookie": "theme=dark"})
        arrival = door.app.arrivals[-1]
        assert arrival.values("cookie") == ["theme=dark"]
        assert all(not arrival.values(name) for name in IDENTITY)

    def test_a_session_arrives_with_its_identity(self, door: Door) -> None:
        door.ask("/private/x", {"Cookie": f"theme=dark; sid={door.alice}"})
        arrival = door.app.arrivals[-1]
        assert arrival.values("cookie") == [f"theme=dark; sid={door.alice}"]
        assert arrival.values("x-auth-subject") == ["alice"]
        assert arrival.values("x-auth-credential") == ["session"]

    def test_a_token_arrives_as_the_session_that_it_stands_for(self, door: Door) -> None:
        token = door.token(door.alice)
        fields = {"Authorization": f"Bearer {token}", "Cookie": f"theme=dark; sid={door.mallory}"}
        assert door.ask("/private/x", fields).status == 200
        arrival = door.app.arrivals[-1]
        assert arrival.values("authorization") == []
        assert arrival.values("cookie") == [f"theme=dark; sid={door.alice}"]
        assert arrival.values("x-auth-credential") == ["bearer"]
        assert arrival.values("x-auth-subject") == ["alice"]

    def test_a_ticket_stands_for_its_token_once_and_does_not_arrive(self, door: Door) -> None:
        target = "/private/x?a=%2B&b"
        fields = {
            "Authorization": f"Bearer {door.token(door.alice)}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        given = door.post("/.crossfade/ticket", b"path=/private/x%3Fa=%252B%26b", fields)
        assert given.status == 200, given.body
        url = json.loads(given.body)["url"]
        assert url.startswith(f"{target}&crossfade_ticket=")
        assert [door.ask(url).status for _ in range(2)] == [200, 401]
        assert [arrival.target for arrival in door.app.arrivals] == [target]
        assert door.app.arrivals[-1].values("x-auth-subject") == ["alice"]

    def test_a_forged_token_is_401_and_goes_nowhere(self, door: Door) -> None:
        head, payload, _ = door.token(door.alice).split(".")
        door.app.clear()
        answer = door.ask("/", {"Authorization": f"Bearer {head}.{payload}.{'A' * 342}"})
        assert (answer.status, answer.code) == (401, "invalid_token")
        assert 'error="invalid_token"' in answer.values("www-authenticate")[0]
        assert answer.values("x-crossfade") == ["1"]
        assert door.app.arrivals == []

    def test_a_private_path_without_a_credential_is_401_for_programs_and_the_login_for_people(self, door: Door) -> None:
        program = door.ask("/private/x")
        assert (program.status, program.code) == (401, "login_required")
        person = door.ask("/private/x?y=1", {"Sec-Fetch-Dest": "document"})
        assert person.status == 303
        assert person.values("location")[0].startswith("/login/?next=")
        assert door.app.arrivals == []

    def test_a_token_that_was_logged_out_is_refused(self, door: Door) -> None:
        bearer = {"Authorization": f"Bearer {door.token(door.guest())}"}
        assert door.ask("/private/x", bearer).status == 200
        assert door.post("/.crossfade/logout", b"", {**bearer, "X-Crossfade": "1"}).status == 200
        answer = door.ask("/private/x", bearer)
        assert (answer.status, answer.code) == (401, "invalid_token")

    # --- what is refused ---

    @pytest.mark.parametrize(
        ("line", "fields", "status"),
        [
            ("GET / HTTP/1.1", "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n", 400),
            ("GET / HTTP/1.1", "Cookie: sid=a\r\nCookie: sid=b\r\n", 400),
            ("GET /private/..%2fpublic HTTP/1.1", "", 400),
            ("GET /public/../private HTTP/1.1", "", 400),
            ("GET //private/x HTTP/1.1", "", 400),
            ("TRACE / HTTP/1.1", "", 405),
            ("GET / HTTP/1.1", "Content_Length: 5\r\n", 400),
            ("GET / HTTP/1.1", "Expect: 200-ok\r\n", 417),
            ("POST / HTTP/1.1", "Transfer-Encoding: gzip, chunked\r\n", 501),
        ],
    )
    def test_what_two_parsers_could_read_differently_is_refused(
        self, door: Door, line: str, fields: str, status: int
    ) -> None:
        answer = door.talk(f"{line}\r\nHost: www.example.com\r\n{fields}\r\n".encode())
        assert answer.status == status
        assert door.app.arrivals == []

    # --- our own endpoints ---

    def test_our_own_addresses_are_answered_by_us(self, door: Door) -> None:
        keys = json.loads(door.ask("/.well-known/jwks.json").body)["keys"]
        assert keys[0]["kty"] == "RSA"
        session = door.ask("/.crossfade/session", {"Cookie": f"sid={door.alice}", "X-Crossfade": "1"})
        assert session.status == 200
        assert session.values("cache-control") == ["no-store"]
        assert door.app.arrivals == []

    def test_a_token_request_of_another_origin_is_refused(self, door: Door) -> None:
        answer = door.exchange(door.alice, {**PAGE, "Origin": "https://evil.example"})
        assert (answer.status, answer.code) == (403, "origin_refused")
        assert door.app.arrivals == []

    # --- what comes back ---

    def test_cookies_of_the_application_come_back_apart_and_ours_cannot_be_set_by_it(self, door: Door) -> None:
        answer = door.ask("/cookies", {"Cookie": f"sid={door.alice}"})
        assert answer.values("set-cookie") == ["a=1", "b=2; Path=/"]
        assert answer.values("x-crossfade") == []
        assert answer.values("cache-control") == ["private"]

    def test_an_answer_without_a_body_has_none(self, door: Door) -> None:
        nothing = door.ask("/nothing")
        assert (nothing.status, nothing.body, nothing.values("x-own")) == (204, b"", ["1"])
        same = door.ask("/same")
        assert (same.status, same.body, same.values("etag")) == (304, b"", ['"v"'])
        head = door.ask("/", method="HEAD")
        assert (head.status, head.body) == (200, b"")
        assert int(head.values("content-length")[0]) > 0

    def test_a_large_answer_comes_back_whole(self, door: Door) -> None:
        assert door.ask("/big").body == BIG

    def test_an_answer_that_ends_with_its_connection_comes_back_whole(self, door: Door) -> None:
        assert door.ask("/until-close").body == b"all of it"

    @pytest.mark.parametrize("path", ["/cut", "/cut-chunks"])
    def test_an_answer_that_was_cut_short_is_seen_as_cut_short(self, door: Door, path: str) -> None:
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            door.ask(path)

    def test_an_answer_that_is_not_http_is_502(self, door: Door) -> None:
        answer = door.ask("/malformed")
        assert (answer.status, answer.code) == (502, "upstream_malformed")

    def test_an_application_that_is_down_is_502(self, door: Door) -> None:
        answer = door.ask("/gone")
        assert (answer.status, answer.code) == (502, "upstream_unreachable")

    def test_an_early_answer_is_relayed_while_the_body_still_comes(self, door: Door) -> None:
        with door.connect() as connection:
            connection.sendall(request("/early", {"Content-Length": "1000000"}, method="POST") + b"x" * 1000)
            response = http.client.HTTPResponse(connection)
            response.begin()
            assert (response.status, response.read()) == (413, b"big")
            response.close()

    # --- while it is open ---

    def test_a_client_that_leaves_is_told_to_the_application(self, door: Door) -> None:
        with door.connect() as connection:
            connection.sendall(request("/silent", {}))
            wait_for_arrival(door)
            # A reset: a client that has only ended its own side may still wait for the answer.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert door.app.left.wait(PATIENCE)

    def test_an_event_stream_comes_event_by_event_and_ends_with_the_logout(self, door: Door) -> None:
        bearer = {"Authorization": f"Bearer {door.token(door.guest())}"}
        with door.connect() as connection:
            connection.sendall(request("/events", bearer))
            stream = http.client.HTTPResponse(connection)
            stream.begin()
            for number in range(3):
                door.app.emit(b"data: %d\n\n" % number)
                assert stream.read1() == b"data: %d\n\n" % number
            assert door.post("/.crossfade/logout", b"", {**bearer, "X-Crossfade": "1"}).status == 200
            try:
                assert stream.read() == b""
            except (http.client.IncompleteRead, ConnectionError):
                pass  # an abrupt end is an end too
            stream.close()
        assert door.app.left.wait(PATIENCE)

    def test_a_websocket_is_carried_by_the_wire_and_refused_by_the_others(self, door: Door) -> None:
        handshake = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        with door.connect() as connection:
            connection.sendall(request("/ws", handshake))
            status = int(read_head(connection).split(b" ")[1])
        assert status == (101 if self.shell == "wire" else 501)


def wait_for_arrival(door: Door) -> None:
    deadline = time.monotonic() + PATIENCE
    while not door.app.arrivals:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def read_head(connection: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        data = connection.recv(4096)
        assert data, head
        head += data
    return head
