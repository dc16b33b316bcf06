"""Whatever a file says: faults with places or settings, never an exception, never the value of a variable."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import ConfigurationError
from gateway.settings.expand import expand
from gateway.settings.load import read_settings
from gateway.settings.passthrough import load_passthrough
from tests.settings.samples import MINIMAL, golden_rows

CANARY = "canary-7f3a"
ENVIRON: Mapping[str, str] = {"CANARY": CANARY, "EMPTY": ""}

WORDS = (
    *("listen", "public_url", "upstreams", "app", "url", "phase", "initial", "sessions", "format", "place", "secrets"),
    *("tokens", "access", "clients", "id", "grants", "keys", "stores", "embedded", "redis", "routes", "path", "auth"),
    *("${CANARY}", "x${CANARY}y", "${NOBODY}", "${NOBODY:?no}", "${EMPTY:-d}", "$$", "${", "{env: ${CANARY}}"),
    *("30s", "1h", "http://127.0.0.1:8000", "127.0.0.1:8080", "django", "{", "}", "[", "]", ",", ": ", ":", "- "),
    *("\n", "\n  ", "\n    ", "\t", "'", '"', "#", "&a", "*a", "!t", "|", ">", "? ", "---", "...", "%YAML 1.1\n", "<<"),
    *("\\", "\0", "\ufeff", "\x85", "\u2028", "\x1b", "0x1", "1e999", "~", "true", "yes", ".inf", "9" * 40),
)

texts = st.one_of(
    st.text(max_size=200),
    st.lists(st.sampled_from(WORDS), max_size=60).map("".join),
    st.lists(st.sampled_from(WORDS), max_size=30).map(lambda words: MINIMAL + " ".join(words)),
    st.tuples(
        st.sampled_from([row.text for row in (*golden_rows("faults.txt"), *golden_rows("checks.txt"))]),
        st.integers(0, 400),
        st.sampled_from(WORDS),
    ).map(lambda row: row[0][: row[1]] + row[2] + row[0][row[1] :]),
)


@settings(max_examples=400, deadline=None)
@given(texts)
def test_any_text_is_settings_or_faults(text: str) -> None:
    found, faults = read_settings(text, name="gateway.yaml", directory=Path("/etc"), environ=ENVIRON)
    assert (found is None) is bool(faults)
    lines = text.count("\n") + text.count("\r") + text.count("\x85") + text.count("\u2028") + text.count("\u2029") + 2
    for fault in faults:
        assert 1 <= fault.line <= lines
        assert fault.column >= 1
        assert str(fault).isprintable()
        assert CANARY not in str(fault)


@settings(max_examples=100, deadline=None)
@given(texts)
def test_the_way_back_is_found_or_its_absence_told(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(text, errors="surrogatepass")
    told = ""
    try:
        found = load_passthrough(path, ENVIRON)
    except ConfigurationError as error:
        told = str(error)
    else:
        assert found.default_upstream in found.upstreams
        told = "".join(found.notes)
    assert CANARY not in told


@given(st.text(alphabet="${}:-?ABC_ x", max_size=40))
def test_any_reference_is_replaced_or_refused(text: str) -> None:
    told = ""
    try:
        expand(text, {"A": CANARY})
    except ValueError as error:
        told = str(error)
    assert CANARY not in told
