"""A word of `model`: the proof of a token that another issuer made."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RemoteToken:
    """An access token of another issuer whose signature and claims were checked. Times in seconds since 1970.

    It has no `sid` and no `seq`, because it stands for no family of ours. `subject` is `<alias>|<sub>`, `token_id` is
    `<alias>|<jti>`, empty without a `jti`. One that `forwards` travels on to the application itself.
    """

    alias: str
    subject: str
    token_id: str
    client_id: str
    issued_at: float
    not_before: float
    expires_at: float
    scope: str
    roles: tuple[str, ...]
    forwards: bool
