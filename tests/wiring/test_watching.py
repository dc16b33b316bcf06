"""Whose word is judged: of the sites whose application is asked, and of no others."""

import pytest

from gateway.facts import Event
from gateway.flow.inference import SUSPENDED
from gateway.model import Anonymous
from gateway.wiring.watching import codec_alert, inference_alert, open_inference
from tests.facts import RememberedFacts
from tests.settings.samples import MINIMAL, settings_of

NOBODY = Anonymous("no_user", is_hearsay=True)
ASKED = "http://127.0.0.1:8000/me"


@pytest.mark.parametrize(
    ("session", "is_judged"),
    [
        (f"format: whoami, cookies: [a], place: {{ whoami: {{ url: '{ASKED}' }} }}", True),
        (
            "format: php, place: { file: { directory: d } },"
            f" whoami: {{ url: '{ASKED}', user: id }}, users: {{ table: u, place: {{ sqlite: {{ file: a.db }} }} }}",
            True,
        ),
        ("format: php, place: { file: { directory: d } }", False),
    ],
)
def test_a_site_is_judged_where_its_application_is_asked(session: str, is_judged: bool) -> None:
    text = f"{MINIMAL}tokens: {{ trust_store_alone: true }}\nsessions: [{{ name: main, {session} }}]\n"
    judge = open_inference(settings_of(f"{text}watch: {{ second_look: 1m, max_rate: 25% }}\n"), RememberedFacts())
    verdicts = [judge.judge("main", "s", NOBODY, now) for now in (0.0, 59.0, 60.0)]
    assert verdicts == ([SUSPENDED, SUSPENDED, NOBODY] if is_judged else [NOBODY] * 3)


def test_the_alerts_are_counted() -> None:
    facts = RememberedFacts()
    inference_alert(facts)()
    codec_alert(facts)()
    assert facts.events == [Event.INFERENCE_STOPPED, Event.CODEC_STALE]
