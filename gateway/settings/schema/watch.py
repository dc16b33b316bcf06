"""How the gateway finds out what the application did with its sessions."""

from gateway.settings.schema.section import Section
from gateway.settings.values import Duration, Percent


class Watch(Section):
    """What is concluded when the application, asked who is signed in (`whoami`), answers nobody."""

    second_look: Duration = 30.0
    """For how long a session is suspended that is said to be over, before a second look ends its tokens."""
    max_rate: Percent = 50.0
    """When more of the sessions that are looked at within that time are said to be over, it is believed of none: no
    tokens end, and an alert says so. `100%` believes always."""
