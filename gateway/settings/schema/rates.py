"""How often tokens may be asked for."""

from gateway.core.rates import Rate
from gateway.settings.schema.section import Section
from gateway.settings.values import RateOrOff


class Rates(Section):
    """How often tokens may be asked for: so many times at once, and then evenly; beyond that 429 with `Retry-After`.

    The defaults leave room for a browser whose fifty tabs wake up together.
    """

    session: RateOrOff = Rate(120, 60.0)
    """Exchanges of one session cookie."""
    family: RateOrOff = Rate(120, 60.0)
    """Refreshes with the tokens of one exchange."""
    account: RateOrOff = Rate(600, 60.0)
    """Exchanges and refreshes of one user."""
    login: RateOrOff = Rate(10, 60.0)
    """Logins with one name from one address, right or wrong (grant `password`)."""
    login_name: RateOrOff = Rate(100, 60.0)
    """Logins with one name from anywhere: more than one address may use, so that nobody locks a user out alone."""
    login_address: RateOrOff = Rate(60, 60.0)
    """Logins from one address."""
    address: RateOrOff = None
    """Token requests from one address; off, since a whole office may have the same one."""
