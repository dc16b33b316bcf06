"""Open tunnels and streams end when what opened them is revoked."""

import pytest

from gateway.errors import SessionEnded
from gateway.flow.live import Live
from gateway.model import LegacySession, Permit, Revocation, RevocationKind, VerifiedToken


def token(jti: str = "t1", sid: str = "f1", sub: str = "ada", seq: int = 5) -> VerifiedToken:
    return VerifiedToken(sub, sid, jti, "web", seq, 0.0, 0.0, 60.0, {})


def permit(**parts: object) -> Permit:
    return Permit(upstream="app", route="/*", **parts)  # type: ignore[arg-type]


def revocation(kind: RevocationKind, name: str, sequence: int = 6) -> Revocation:
    return Revocation(kind, name, 99.0, "test", sequence)


def open_one(live: Live, **parts: object) -> list[str]:
    ended: list[str] = []
    live.add(permit(**parts), lambda: ended.append("end"))
    return ended


def test_a_tunnel_ends_with_its_token_its_family_its_subject_and_everything() -> None:
    for entry in [
        revocation(RevocationKind.TOKEN, "t1"),
        revocation(RevocationKind.FAMILY, "f1"),
        revocation(RevocationKind.SUBJECT, "ada"),
        revocation(RevocationKind.EVERYTHING, ""),
    ]:
        live = Live()
        ended = open_one(live, token=token())
        assert live.end([entry]) == 1
        assert ended == ["end"]
        assert len(live) == 0


def test_a_tunnel_of_somebody_else_stays() -> None:
    live = Live()
    ended = open_one(live, token=token())
    assert live.end([revocation(RevocationKind.FAMILY, "f2"), revocation(RevocationKind.SUBJECT, "bob")]) == 0
    assert ended == []
    assert len(live) == 1


def test_an_epoch_spares_what_was_opened_with_a_newer_token() -> None:
    live = Live()
    ended = open_one(live, token=token(seq=6))
    assert live.end([revocation(RevocationKind.SUBJECT, "ada", sequence=6)]) == 0
    assert live.end([revocation(RevocationKind.SUBJECT, "ada", sequence=7)]) == 1
    assert ended == ["end"]


def test_a_stream_of_a_cookie_session_ends_with_the_session_or_the_subject() -> None:
    live = Live()
    by_session = open_one(live, session=LegacySession("main", "key", "ada"))
    assert live.end_session("main", "key") == 1
    by_subject = open_one(live, session=LegacySession("main", "key", "ada"))
    assert live.end([revocation(RevocationKind.SUBJECT, "ada")]) == 1
    assert by_session == by_subject == ["end"]


def test_two_revocations_end_a_tunnel_once() -> None:
    live = Live()
    ended = open_one(live, token=token())
    live.end([revocation(RevocationKind.TOKEN, "t1"), revocation(RevocationKind.FAMILY, "f1")])
    live.end([revocation(RevocationKind.FAMILY, "f1")])
    assert ended == ["end"]


def test_what_nobody_authenticated_is_not_kept_and_forgetting_twice_is_harmless() -> None:
    live = Live()
    assert live.add(permit(), lambda: None) is None
    handle = live.add(permit(token=token()), lambda: None)
    live.remove(handle)
    live.remove(handle)
    live.remove(None)
    assert len(live) == 0


# --- what was revoked before it was known ---


def test_what_was_revoked_between_admission_and_response_never_opens() -> None:
    for entry in [
        revocation(RevocationKind.TOKEN, "t1"),
        revocation(RevocationKind.FAMILY, "f1"),
        revocation(RevocationKind.SUBJECT, "ada"),
        revocation(RevocationKind.EVERYTHING, ""),
    ]:
        live = Live()
        before = live.moment
        live.end([revocation(RevocationKind.FAMILY, "f2"), entry, revocation(RevocationKind.TOKEN, "t2")])
        with pytest.raises(SessionEnded):
            live.add(permit(token=token()), lambda: None, before)
        assert len(live) == 0


def test_so_it_is_for_a_cookie_session() -> None:
    live = Live()
    before = live.moment
    live.end_session("main", "key")
    with pytest.raises(SessionEnded):
        live.add(permit(session=LegacySession("main", "key", "ada")), lambda: None, before)


def test_what_was_revoked_before_the_admission_or_concerns_others_does_not_count() -> None:
    """A new login may have the key of an old session, and the subject of an old revocation."""
    live = Live()
    live.end([revocation(RevocationKind.SUBJECT, "ada")])
    live.end_session("main", "key")
    before = live.moment
    live.end([revocation(RevocationKind.FAMILY, "f2"), revocation(RevocationKind.SUBJECT, "bob")])
    assert live.add(permit(session=LegacySession("main", "key", "ada")), lambda: None, before) is not None


def test_an_epoch_meanwhile_spares_a_newer_token() -> None:
    live = Live()
    before = live.moment
    live.end([revocation(RevocationKind.SUBJECT, "ada", sequence=6)])
    assert live.add(permit(token=token(seq=6)), lambda: None, before) is not None
    with pytest.raises(SessionEnded):
        live.add(permit(token=token(seq=5)), lambda: None, before)


def test_what_is_remembered_is_bounded_and_beyond_that_nothing_old_opens() -> None:
    live = Live(remembered=2)
    moments = [live.moment]
    for name in ("f2", "f3", "f3", "f4"):
        live.end([revocation(RevocationKind.FAMILY, name)])
        moments.append(live.moment)
    assert len(live._recent) == 2
    with pytest.raises(SessionEnded):
        live.add(permit(token=token()), lambda: None, moments[0])
    for moment in moments[1:]:
        assert live.add(permit(token=token()), lambda: None, moment) is not None
    assert live.add(permit(), lambda: None, moments[0]) is None


def test_k6_when_a_key_is_given_up_everything_that_a_token_opened_ends_whoever_signed_it() -> None:
    """K6: a stream that a forged token opened does not outlive the key; what a session opened goes on."""
    live, ended = Live(), []
    before = live.moment
    live.add(permit(token=token(seq=2**62)), lambda: ended.append("token"))
    live.add(permit(session=LegacySession("main", "key", "ada")), lambda: ended.append("session"))
    assert live.end_tokens() == 1
    assert ended == ["token"]
    with pytest.raises(SessionEnded):  # admitted before, opened after
        live.add(permit(token=token(seq=2**62)), lambda: None, before)
    assert live.add(permit(token=token()), lambda: None, live.moment) is not None
