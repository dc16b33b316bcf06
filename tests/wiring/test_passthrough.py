"""The way back starts from whatever the configuration has become, if anything tells where the application is."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.settings.last_good import last_good_path, write_last_good
from gateway.settings.load import load_settings
from gateway.settings.passthrough import Passthrough, load_passthrough
from gateway.wiring.passthrough import PassthroughGateway
from tests.keys.material import pem_of
from tests.settings.samples import MINIMAL, Row, golden_rows

KNOWN = {"CROSSFADE_UPSTREAM": "http://127.0.0.1:9000"}
SAMPLES = [*golden_rows("faults.txt"), *golden_rows("checks.txt")]

ODD = """\
upstreams: { app: { url: https://127.0.0.1:9000, ca: CA } }
trusted_proxies: ["10.0.0.0/8", "0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "::/0"]
routes:
  - { path: /a, auth: optional }
  - { path: /a, auth: required, in_off: deny }
  - { path: /*, auth: optional }
"""


async def started(path: Path) -> Passthrough:
    """Build the gateway of the way back, start it and end it."""
    found = load_passthrough(path, KNOWN)
    gateway = PassthroughGateway(found)
    await gateway.start()
    await gateway.aclose()
    return found


@pytest.mark.parametrize("row", SAMPLES, ids=[row.name for row in SAMPLES])
async def test_it_starts_from_every_sample(row: Row, tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(row.text)
    assert (await started(path)).upstreams


@pytest.mark.parametrize("ca", ["missing.pem", ".", "gateway.yaml", "key.pem"])
async def test_what_does_not_fit_together_is_left_out_with_a_note(tmp_path: Path, ca: str) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(ODD.replace("CA", ca))
    (tmp_path / "key.pem").write_bytes(pem_of("ES256"))
    found = await started(path)
    assert found.upstreams["app"].ca is None
    assert found.trusted_proxies == ("10.0.0.0/8", "0.0.0.0/1")
    assert [(route.path, route.in_off) for route in found.routes] == [("/a", "deny"), ("/*", "app")]
    told = "\n".join(found.notes)
    assert "upstreams.app.ca: The certificates in " in told
    assert "trusted_proxies: 0.0.0.0/0 is left out" in told
    assert "trusted_proxies: 128.0.0.0/1 is left out" in told
    assert "routes: /a stands twice; the stricter rule counts." in told


KEYS = (
    "listen",
    "public_url",
    "prefix",
    "trusted_proxies",
    "upstreams",
    "routes",
    "tokens",
    "admin",
    "limits",
    "drain",
)
ATOMS = st.one_of(
    st.none(),
    st.integers(-1, 1 << 41),
    st.sampled_from(("0.0.0.0/0", "private", "::1", "/*", "/a", "/a*b", "required", "deny", "app", "https://a", "1s")),
    st.sampled_from(("http://127.0.0.1:1", "127.0.0.1:0", "é", "%2f", "/%", "")),
)
WORDS = st.sampled_from(("path", "auth", "in_off", "upstream", "url", "ca", "host", "app", "issuer", "listen", "body"))
VALUES = st.recursive(ATOMS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4))


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), VALUES))
async def test_it_starts_from_anything(tmp_path_factory: pytest.TempPathFactory, document: dict[str, object]) -> None:
    path = tmp_path_factory.getbasetemp() / "anything.yaml"
    path.write_text(repr(document).replace("None", "null"))
    assert (await started(path)).upstreams


async def test_an_issuer_of_our_own_is_known_even_when_its_section_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(MINIMAL + "tokens: { issuer: https://id.example.com }\n")
    assert (await started(path)).issuer == "https://id.example.com"
    assert write_last_good(load_settings(path, {}), last_good_path(path))
    path.write_text(MINIMAL + "tokens: { issuer: https://id.example.com, access: soon }\n")
    assert (await started(path)).issuer == "https://id.example.com"
    path.write_text(MINIMAL + "tokens: [\n")
    assert (await started(path)).issuer == "https://id.example.com"
    path.write_text(MINIMAL)
    assert (await started(path)).issuer == "https://www.example.com"
