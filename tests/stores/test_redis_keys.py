"""Two things that are kept in Redis never share a key."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Revocation, RevocationKind
from gateway.stores.redis_keys import RedisKeys
from tests.stores.samples import token

NAMES = st.text(st.characters(codec="ascii", min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)
KEYS = RedisKeys("{cf}:")


@given(one=NAMES, other=NAMES)
def test_a_name_that_was_used_for_one_purpose_is_free_for_all_others(one: str, other: str) -> None:
    """CVE-2026-4325: single-use values of all kinds lay in one flat namespace."""
    kinds = (RevocationKind.TOKEN, RevocationKind.FAMILY, RevocationKind.SUBJECT)
    keys = [KEYS.of_revocation(Revocation(kind, name, 1.0, "test")) for kind in kinds for name in {one, other}]
    keys += [KEYS.of_copy(name) for name in {one, other}]
    keys += [KEYS.sequence, KEYS.everything, KEYS.feed, f"{KEYS.rebuilding}{one}".encode()]
    assert len(set(keys)) == len(keys)


@given(name=NAMES)
def test_what_is_asked_for_is_what_was_written(name: str) -> None:
    asked = KEYS.of_token(token(token_id=name, session_id=name, subject=name))
    written = [
        KEYS.of_revocation(Revocation(kind, name, 1.0, "test"))
        for kind in (RevocationKind.TOKEN, RevocationKind.FAMILY, RevocationKind.SUBJECT)
    ]
    assert asked == written
