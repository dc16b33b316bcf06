"""What is concluded from what applications say of their sessions, and who hears when that is too much to be true."""

from collections.abc import Callable

import structlog

from gateway.facts import Event
from gateway.flow.inference import Inference, InferencePolicy
from gateway.ports import Facts
from gateway.settings.schema.root import Settings
from gateway.settings.schema.sessions import CodecSession

_log = structlog.get_logger()


def open_inference(settings: Settings, facts: Facts) -> Inference:
    """Return who judges, for the sessions that the application is asked about."""
    asked = [session.name for session in settings.sessions if _is_asked(session)]
    policy = InferencePolicy(settings.watch.second_look, settings.watch.max_rate / 100)
    return Inference(policy, sites=asked, alert=inference_alert(facts))


def inference_alert(facts: Facts) -> Callable[[], None]:
    """Return what counts and logs that no logout is inferred for now."""

    def alert() -> None:
        facts.count(Event.INFERENCE_STOPPED)
        _log.warning("the application says of most sessions that nobody is signed in: no logout is inferred from it")

    return alert


def codec_alert(facts: Facts) -> Callable[[], None]:
    """Return what counts and logs that a codec fits no cookie any more."""

    def alert() -> None:
        facts.count(Event.CODEC_STALE)
        _log.warning("most session cookies fail every secret: has the application's secret changed?")

    return alert


def _is_asked(session: object) -> bool:
    return not isinstance(session, CodecSession) or session.whoami is not None
