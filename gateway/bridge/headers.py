"""Who a request is made for, as header fields for an application that trusts its gateway."""

from dataclasses import dataclass

from gateway.headers import Pairs, encode_list, encode_value
from gateway.model import Identity


@dataclass(frozen=True, slots=True)
class IdentityHeaders:
    """The names of the identity headers; an empty name is never sent.

    Whatever is sent here is removed from every request of a client first (RFC 9700 section 4.13), so `names` belongs
    into the table that strips.
    """

    subject: str = "X-Auth-Subject"
    credential: str = "X-Auth-Credential"
    session: str = "X-Auth-Session"
    scope: str = "X-Auth-Scope"
    roles: str = "X-Auth-Roles"

    @property
    def names(self) -> tuple[str, ...]:
        """The names in use."""
        names = (self.subject, self.credential, self.session, self.scope, self.roles)
        return tuple(name for name in names if name)

    def fields(self, identity: Identity) -> Pairs:
        """Return the header fields for an identity; what is empty is left out.

        Raises:
            BadRequest: a value cannot be carried in a header unchanged.
        """
        values = (
            (self.subject, encode_value(identity.subject)),
            (self.credential, encode_value(identity.credential)),
            (self.session, encode_value(identity.session_id)),
            (self.scope, encode_value(identity.scope)),
            (self.roles, encode_list(identity.roles)),
        )
        return [(name.encode("ascii"), value) for name, value in values if name and value]
