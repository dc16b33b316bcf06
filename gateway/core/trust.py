"""Who a request comes from, when proxies stand in front of us, and what the application is told about it.

Transport fields of a peer that is not trusted say nothing and do not travel on. Those of a trusted peer are read from
the right: each proxy appends what it saw, so what stands left of the first stranger was written by the stranger.
"""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, collapse_addresses, ip_address, ip_network

from gateway.core.forwarded import Forwarding, read_forwarding
from gateway.headers import Pairs
from gateway.model import Peer, RequestHead

_PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")  # RFC 1918, RFC 4193
_WRITTEN = frozenset(
    {
        b"x-forwarded-for",
        b"x-forwarded-proto",
        b"x-forwarded-host",
        b"x-forwarded-port",
        b"x-real-ip",
        b"x-request-id",
        b"forwarded",
    }
)
_OTHER = re.compile(rb"x-forwarded-[a-z0-9-]+", re.IGNORECASE)
_NOTHING = Forwarding((), "", b"", b"", ())


class TrustedProxies:
    """The networks whose transport fields count: addresses, networks in CIDR form, or the word `private`.

    Raises:
        ValueError: an entry is no network, or together they are everything, which would trust every client.
    """

    def __init__(self, networks: Sequence[str] = ()) -> None:
        words = [word for entry in networks for word in (_PRIVATE if entry == "private" else (entry,))]
        parsed = [ip_network(word) for word in words]
        self._v4 = tuple(collapse_addresses(network for network in parsed if isinstance(network, IPv4Network)))
        self._v6 = tuple(collapse_addresses(network for network in parsed if isinstance(network, IPv6Network)))
        if ip_network("0.0.0.0/0") in self._v4 or ip_network("::/0") in self._v6:
            raise ValueError("trusting every address means trusting every client; name the networks of your proxies")

    def trusts(self, address: str) -> bool:
        """Whether transport fields of a peer at this address count. A Unix socket has no address and is not trusted."""
        if not self._v4 and not self._v6:
            return False
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        if isinstance(parsed, IPv4Address):
            return any(parsed in network for network in self._v4)
        return any(parsed in network for network in self._v6)


NOBODY = TrustedProxies()


def find_client_address(head: RequestHead, peer: Peer, proxies: TrustedProxies = NOBODY) -> str:
    """Return the address of the client: the peer's, or behind trusted proxies the nearest that is not one of them.

    `proxies` says which of the addresses that a trusted peer reports are proxies too; without it, none is.
    """
    return _walk(read_forwarding(head), peer, proxies) if peer.trusted else peer.address


def scheme_of(head: RequestHead, peer: Peer) -> str:
    """Return http or https: as the client connected, if a trusted peer says so, else as the peer did."""
    return (read_forwarding(head).scheme if peer.trusted else "") or peer.scheme


def transport_lines(head: RequestHead, peer: Peer, request_id: bytes, proxies: TrustedProxies = NOBODY) -> bytes:
    """Return the transport fields for the application as ready lines, each ended by CRLF.

    Replaced for a stranger. For a trusted peer, what it says is kept as far as it can be read, and the peer appended.
    A field that would be empty is left out; so an empty `request_id` writes no x-request-id.
    """
    said = read_forwarding(head) if peer.trusted else _NOTHING
    address = peer.address or "unknown"  # RFC 7239 section 6.2, for a Unix socket
    scheme = said.scheme or peer.scheme
    host = said.host or head.host
    fields: Pairs = [
        (b"x-forwarded-for", ", ".join((*said.hops, address)).encode()),
        (b"x-forwarded-proto", scheme.encode()),
        (b"x-forwarded-host", host),
        (b"x-forwarded-port", said.port or _port_of(host) or (b"443" if scheme == "https" else b"80")),
        (b"x-real-ip", (_walk(said, peer, proxies) or address).encode()),
        (b"x-request-id", request_id),
    ]
    if said.elements:
        fields.append((b"forwarded", b", ".join((*said.elements, _element(address, peer.scheme, head.host)))))
    if peer.trusted:
        fields += _others(head)
    return b"".join(b"%b: %b\r\n" % pair for pair in fields if pair[1])


def _walk(said: Forwarding, peer: Peer, proxies: TrustedProxies) -> str:
    nearest = peer.address
    for hop in reversed(said.hops):
        nearest = hop
        if not proxies.trusts(hop):
            break
    return nearest


def _others(head: RequestHead) -> Pairs:
    """Return what else a trusted peer says (`X-Forwarded-Prefix`, …), as sent.

    Not `X-Original-URL` and its kind: frameworks route by them, so that another path would be served than authorised.
    """
    return [
        (name, value)
        for name, value in head.transport
        if _OTHER.fullmatch(name) is not None
        and name.lower() not in _WRITTEN
        and not any(mark in value for mark in (b"\r", b"\n", b"\0"))
    ]


def _element(address: str, scheme: str, host: bytes) -> bytes:
    node = f'"[{address}]"' if ":" in address else address  # RFC 7239 section 6
    return f"for={node};proto={scheme}".encode() + (b';host="%b"' % host if host else b"")


def _port_of(host: bytes) -> bytes:
    _, colon, port = host.rpartition(b"]")[2].rpartition(b":")
    return port if colon else b""
