"""What proxies say counts only from a trusted peer, is read from the right, and garbage is never believed (F9)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.trust import TrustedProxies, find_client_address, scheme_of, transport_lines
from gateway.headers import Pairs
from gateway.model import Peer, RequestHead

STRANGER = Peer("203.0.113.9")
PROXY = Peer("10.0.0.1", trusted=True)
PROXIES = TrustedProxies(["10.0.0.0/8", "2001:db8::/32"])
EVERYTHING: Pairs = [
    (b"X-Forwarded-For", b"6.6.6.6"),
    (b"X-Forwarded-Proto", b"https"),
    (b"X-Forwarded-Host", b"evil.example"),
    (b"X-Forwarded-Port", b"6666"),
    (b"X-Forwarded-Prefix", b"/evil"),
    (b"X-Forwarded-Uri", b"/public"),
    (b"X-Forwarded-Method", b"GET"),
    (b"X-Original-URL", b"/evil"),
    (b"X-Rewrite-URL", b"/evil"),
    (b"X-Envoy-Original-Path", b"/evil"),
    (b"X-Real-IP", b"6.6.6.6"),
    (b"Forwarded", b"for=6.6.6.6;proto=https;host=evil.example"),
]


def head(*transport: tuple[bytes, bytes], host: bytes = b"www.example.com") -> RequestHead:
    return RequestHead(b"GET", b"/", 1, [], host, transport=list(transport))


def told(*transport: tuple[bytes, bytes], peer: Peer = PROXY, host: bytes = b"www.example.com") -> dict[str, str]:
    """What the application is told, by field."""
    lines = transport_lines(head(*transport, host=host), peer, b"request-1", PROXIES).decode()
    assert lines.endswith("\r\n")
    pairs = [(name, value) for name, _, value in (line.partition(": ") for line in lines[:-2].split("\r\n"))]
    assert len({name.lower() for name, _ in pairs}) == len(pairs)
    return dict(pairs)


# --- who is trusted ---


@pytest.mark.parametrize(
    ("networks", "address", "trusted"),
    [
        ([], "127.0.0.1", False),
        (["10.1.2.3"], "10.1.2.3", True),
        (["10.1.2.3"], "10.1.2.4", False),
        (["10.0.0.0/8"], "10.255.0.1", True),
        (["10.0.0.0/8"], "::ffff:10.0.0.1", True),
        (["::1"], "::1", True),
        (["::1"], "127.0.0.1", False),
        (["fd00::/8"], "fd12::1", True),
        (["fd00::/8"], "fd12::1%eth0", True),
        (["private"], "10.0.0.1", True),
        (["private"], "172.31.255.255", True),
        (["private"], "172.32.0.0", False),
        (["private"], "192.168.7.7", True),
        (["private"], "fd00::7", True),
        (["private"], "127.0.0.1", False),
        (["private"], "169.254.169.254", False),
        (["private", "127.0.0.1"], "127.0.0.1", True),
        (["private"], "8.8.8.8", False),
        (["private"], "", False),
        (["private"], "unix:", False),
        (["private"], "10.0.0.1, 8.8.8.8", False),
        (["private"], "010.0.0.1", False),
    ],
)
def test_a_peer_is_trusted_by_its_address(networks: list[str], address: str, trusted: bool) -> None:
    assert TrustedProxies(networks).trusts(address) is trusted


@pytest.mark.parametrize(
    "networks",
    [["0.0.0.0/0"], ["::/0"], ["private", "0.0.0.0/0"], ["0.0.0.0/1", "128.0.0.0/1"], ["::/1", "8000::/1"]],
)
def test_trusting_everybody_is_refused(networks: list[str]) -> None:
    with pytest.raises(ValueError, match="every client"):
        TrustedProxies(networks)


@pytest.mark.parametrize("network", ["", "example.com", "10.0.0.1/8", "10.0.0.0/33", "*", "Private"])
def test_what_is_no_network_is_refused(network: str) -> None:
    with pytest.raises(ValueError, match=r"does not appear|host bits|Only decimal|netmask"):
        TrustedProxies([network])


# --- a stranger ---


def test_f9_nothing_that_a_stranger_says_counts_or_travels_on() -> None:
    said = head(*EVERYTHING)
    assert find_client_address(said, STRANGER, PROXIES) == "203.0.113.9"
    assert scheme_of(said, STRANGER) == "http"
    assert told(*EVERYTHING, peer=STRANGER) == {
        "x-forwarded-for": "203.0.113.9",
        "x-forwarded-proto": "http",
        "x-forwarded-host": "www.example.com",
        "x-forwarded-port": "80",
        "x-real-ip": "203.0.113.9",
        "x-request-id": "request-1",
    }


@given(st.lists(st.tuples(st.sampled_from([name for name, _ in EVERYTHING]), st.binary(max_size=30)), max_size=8))
def test_f9_a_stranger_changes_nothing_whatever_it_sends(transport: Pairs) -> None:
    assert transport_lines(head(*transport), STRANGER, b"r") == transport_lines(head(), STRANGER, b"r")
    assert scheme_of(head(*transport), STRANGER) == "http"


def test_a_stranger_on_tls_is_https() -> None:
    fields = told(peer=Peer("2001:db8:1::9", scheme="https"))
    assert (fields["x-forwarded-proto"], fields["x-forwarded-port"]) == ("https", "443")
    assert fields["x-forwarded-for"] == fields["x-real-ip"] == "2001:db8:1::9"


@pytest.mark.parametrize(
    ("host", "port"),
    [
        (b"a.example:8080", "8080"),
        (b"[::1]:8080", "8080"),
        (b"[::1]", "80"),
        (b"a.example", "80"),
        (b"a.example:", "80"),
    ],
)
def test_the_port_is_that_of_the_host(host: bytes, port: str) -> None:
    assert told(peer=STRANGER, host=host)["x-forwarded-port"] == port


def test_without_a_host_none_is_told() -> None:
    assert "x-forwarded-host" not in told(peer=STRANGER, host=b"")


def test_a_unix_socket_has_no_address() -> None:
    fields = told(peer=Peer(""))
    assert fields["x-forwarded-for"] == fields["x-real-ip"] == "unknown"


# --- a trusted peer ---


def test_what_a_trusted_peer_says_is_kept_and_the_peer_appended() -> None:
    fields = told(
        (b"X-Forwarded-For", b"198.51.100.7"),
        (b"X-Forwarded-Proto", b"https"),
        (b"X-Forwarded-Host", b"shop.example.com"),
        (b"X-Forwarded-Port", b"8443"),
        (b"X-Forwarded-Prefix", b"/shop"),
        (b"X-Real-IP", b"6.6.6.6"),
    )
    assert fields == {
        "x-forwarded-for": "198.51.100.7, 10.0.0.1",
        "x-forwarded-proto": "https",
        "x-forwarded-host": "shop.example.com",
        "x-forwarded-port": "8443",
        "x-real-ip": "198.51.100.7",
        "x-request-id": "request-1",
        "X-Forwarded-Prefix": "/shop",
    }


def test_a_trusted_peer_that_says_nothing_is_the_client() -> None:
    fields = told()
    assert fields["x-forwarded-for"] == fields["x-real-ip"] == "10.0.0.1"
    assert fields["x-forwarded-proto"] == "http"
    assert fields["x-forwarded-host"] == "www.example.com"


@pytest.mark.parametrize(
    ("values", "client", "kept"),
    [
        ([b"198.51.100.7"], "198.51.100.7", "198.51.100.7"),
        ([b"6.6.6.6, 198.51.100.7"], "198.51.100.7", "6.6.6.6, 198.51.100.7"),
        ([b"198.51.100.7, 10.0.0.3, 10.0.0.2"], "198.51.100.7", "198.51.100.7, 10.0.0.3, 10.0.0.2"),
        ([b"6.6.6.6,198.51.100.7", b"10.0.0.2"], "198.51.100.7", "6.6.6.6, 198.51.100.7, 10.0.0.2"),
        ([b"10.0.0.3, 10.0.0.2"], "10.0.0.3", "10.0.0.3, 10.0.0.2"),
        ([b"198.51.100.7:51234"], "198.51.100.7", "198.51.100.7"),
        ([b"[2001:db9::7]:51234"], "2001:db9::7", "2001:db9::7"),
        ([b"[2001:db9::7]"], "2001:db9::7", "2001:db9::7"),
        ([b"2001:DB9:0::7, 2001:db8::1"], "2001:db9::7", "2001:db9::7, 2001:db8::1"),
        ([b"<script>, 198.51.100.7"], "198.51.100.7", "198.51.100.7"),
        ([b"6.6.6.6, unknown, 10.0.0.2"], "10.0.0.2", "10.0.0.2"),
        ([b"198.51.100.7, garbage"], "10.0.0.1", ""),
        ([b"198.51.100.7, "], "10.0.0.1", ""),
        ([b""], "10.0.0.1", ""),
        ([b"1.2.3"], "10.0.0.1", ""),
        ([b"256.1.1.1"], "10.0.0.1", ""),
        ([b"01.2.3.4"], "10.0.0.1", ""),
        ([b"1.2.3.4."], "10.0.0.1", ""),
        ([b"1.2.3.4:"], "10.0.0.1", ""),
        ([b"1.2.3.4\xc2\xa0"], "10.0.0.1", ""),
        ([b"a" * 60_000], "10.0.0.1", ""),
        ([b"10.0.0.2, " * 5000 + b"10.0.0.2"], "10.0.0.2", ", ".join(["10.0.0.2"] * 64)),
    ],
)
def test_the_client_is_the_first_stranger_from_the_right(values: list[bytes], client: str, kept: str) -> None:
    transport = [(b"X-Forwarded-For", value) for value in values]
    assert find_client_address(head(*transport), PROXY, PROXIES) == client
    fields = told(*transport)
    assert fields["x-forwarded-for"] == f"{kept}, 10.0.0.1".removeprefix(", ")
    assert fields["x-real-ip"] == client


def test_without_a_list_of_proxies_the_nearest_address_is_the_client() -> None:
    said = head((b"X-Forwarded-For", b"198.51.100.7, 10.0.0.2"))
    assert find_client_address(said, PROXY) == "10.0.0.2"


@pytest.mark.parametrize(
    ("value", "scheme"),
    [
        (b"https", "https"),
        (b"HTTPS", "https"),
        (b"http", "http"),
        (b"wss", "https"),
        (b"ws", "http"),
        (b"http, https", "https"),
        (b"https, http", "http"),
        (b"gopher", "http"),
        (b"", "http"),
        (b"https\r\nX: y", "http"),
    ],
)
def test_the_nearest_proxy_names_the_scheme(value: bytes, scheme: str) -> None:
    field = (b"X-Forwarded-Proto", value)
    assert scheme_of(head(field), PROXY) == scheme
    assert told(field)["x-forwarded-proto"] == scheme


@pytest.mark.parametrize("host", [b"a b", b"a/b", b"a@b", b"", b"a:x", b"a\r\nb", b"<a>", b"a" * 300, b"evil, "])
def test_a_host_that_is_none_is_not_believed(host: bytes) -> None:
    assert told((b"X-Forwarded-Host", host))["x-forwarded-host"] == "www.example.com"


@pytest.mark.parametrize("port", [b"0", b"65536", b"99999999", b"-1", b"80x", b"", b"+80", b"0080"])
def test_a_port_that_is_none_is_not_believed(port: bytes) -> None:
    assert told((b"X-Forwarded-Port", port))["x-forwarded-port"] == "80"


def test_without_a_port_it_follows_from_host_and_scheme() -> None:
    assert told((b"X-Forwarded-Proto", b"https"))["x-forwarded-port"] == "443"
    assert told((b"X-Forwarded-Host", b"a.example:81"))["x-forwarded-port"] == "81"


def test_other_spellings_of_a_trusted_peer_are_its_clients() -> None:
    """A proxy that appends to `X-Forwarded-For` may pass `X_Forwarded_For` of its client through."""
    fields = told(
        (b"X-Forwarded-For", b"198.51.100.7"),
        (b"X_Forwarded_For", b"6.6.6.6"),
        (b"X.Forwarded.Proto", b"https"),
        (b"X_Forwarded_Prefix", b"/evil"),
    )
    assert fields["x-forwarded-for"] == "198.51.100.7, 10.0.0.1"
    assert fields["x-forwarded-proto"] == "http"
    assert len(fields) == 6


def test_addresses_by_which_frameworks_route_never_travel_on() -> None:
    fields = told((b"X-Original-URL", b"/admin"), (b"X-Rewrite-URL", b"/admin"), (b"X-Envoy-Original-Path", b"/admin"))
    assert len(fields) == 6


def test_nothing_can_be_smuggled_into_a_line() -> None:
    assert len(told((b"X-Forwarded-Prefix", b"/a\r\nX-Auth-Subject: admin"), (b"X-Forwarded-Ssl", b"on\0"))) == 6


# --- RFC 7239 and X-Real-IP ---


def test_forwarded_is_read_where_it_is_all_there_is() -> None:
    field = (b"Forwarded", b'for=6.6.6.6, For="[2001:db9::7]:51234" ; proto=https;host="shop.example.com"')
    fields = told(field)
    assert find_client_address(head(field), PROXY, PROXIES) == "2001:db9::7"
    assert scheme_of(head(field), PROXY) == "https"
    assert fields["x-forwarded-for"] == "6.6.6.6, 2001:db9::7, 10.0.0.1"
    assert fields["x-forwarded-host"] == "shop.example.com"
    assert fields["forwarded"] == field[1].decode() + ', for=10.0.0.1;proto=http;host="www.example.com"'


def test_forwarded_beside_x_forwarded_may_be_the_clients_and_does_not_count() -> None:
    said = ((b"Forwarded", b"for=6.6.6.6;proto=https;host=evil.example"), (b"X-Forwarded-For", b"198.51.100.7"))
    fields = told(*said)
    assert scheme_of(head(*said), PROXY) == "http"
    assert fields["x-real-ip"] == "198.51.100.7"
    assert fields["x-forwarded-host"] == "www.example.com"


@pytest.mark.parametrize(
    "value", [b"garbage", b"for=", b'for="1.2.3.4', b"for=1.2.3.4;;", b"for=1.2.3.4;proto=https,", b"", b'for="a\\"b"']
)
def test_forwarded_that_cannot_be_read_is_dropped(value: bytes) -> None:
    fields = told((b"Forwarded", value))
    assert fields["x-forwarded-for"] == "10.0.0.1"
    assert fields["x-forwarded-proto"] == "http"
    assert "forwarded" not in fields


def test_forwarded_is_kept_as_far_as_it_can_be_read() -> None:
    peer = Peer("2001:db8::1", trusted=True)
    fields = told((b"Forwarded", b"junk, for=198.51.100.7;by=_hidden"), peer=peer, host=b"")
    assert fields["forwarded"] == 'for=198.51.100.7;by=_hidden, for="[2001:db8::1]";proto=http'
    assert fields["x-real-ip"] == "198.51.100.7"


def test_hidden_nodes_hide_the_client() -> None:
    assert find_client_address(head((b"Forwarded", b"for=1.2.3.4, for=_secret")), PROXY, PROXIES) == "10.0.0.1"
    assert find_client_address(head((b"Forwarded", b"proto=https")), PROXY, PROXIES) == "10.0.0.1"


def test_x_real_ip_counts_where_nothing_else_names_an_address() -> None:
    assert find_client_address(head((b"X-Real-IP", b"198.51.100.7")), PROXY, PROXIES) == "198.51.100.7"
    assert find_client_address(head((b"X-Real-IP", b"localhost")), PROXY, PROXIES) == "10.0.0.1"


@given(st.lists(st.tuples(st.sampled_from([name for name, _ in EVERYTHING]), st.binary(max_size=40)), max_size=8))
def test_whatever_a_trusted_peer_sends_the_lines_are_lines(transport: Pairs) -> None:
    lines = transport_lines(head(*transport), PROXY, b"r", PROXIES)
    assert lines.endswith(b"\r\n")
    assert all(b": " in line and b"\r" not in line and b"\n" not in line for line in lines[:-2].split(b"\r\n"))
    assert find_client_address(head(*transport), PROXY, PROXIES)
