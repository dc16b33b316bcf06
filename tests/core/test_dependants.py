"""What a request says of itself, sorted into a few kinds."""

import pytest

from gateway.core.dependants import kind_of
from gateway.facts import Dependant
from gateway.headers import Pairs
from gateway.model import RequestHead


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ([], Dependant.PROGRAM),
        ([(b"Accept", b"text/html")], Dependant.PROGRAM),
        ([(b"Sec-Fetch-Dest", b"document")], Dependant.NAVIGATION),
        ([(b"Sec-Fetch-Dest", b"iframe")], Dependant.NAVIGATION),
        ([(b"Sec-Fetch-Dest", b"empty")], Dependant.SCRIPT),
        ([(b"Sec-Fetch-Dest", b"empty"), (b"Accept", b"Text/Event-Stream")], Dependant.STREAM),
        ([(b"Sec-Fetch-Dest", b"image")], Dependant.SUBRESOURCE),
        ([(b"Sec-Fetch-Dest", b"something-new")], Dependant.SUBRESOURCE),
    ],
)
def test_each_request_is_of_one_kind(fields: Pairs, kind: Dependant) -> None:
    assert kind_of(RequestHead(b"GET", b"/", 1, fields, b"host")) is kind


def test_a_handshake_is_a_stream() -> None:
    assert kind_of(RequestHead(b"GET", b"/", 1, [], b"host", websocket=True)) is Dependant.STREAM
