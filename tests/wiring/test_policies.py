"""What the configuration means for those who are told."""

import pytest

from gateway.wiring.policies import token_policy_of
from tests.settings.samples import MINIMAL, settings_of


@pytest.mark.parametrize(
    ("tokens", "rest"),
    [
        ("{}", 1800),
        ("{ access: 10m }", 300),
        ("{ access: 1h, idle: 20m }", 600),  # not so long that it seems idle
        ("{ grace: 0s }", 0),  # each use rotates
    ],
)
def test_a_browsers_refresh_token_rests_for_half_of_an_access_token(tokens: str, rest: float) -> None:
    policy = token_policy_of(settings_of(f"{MINIMAL}tokens: {tokens}\n"))
    assert policy.rotation.rest == rest
