"""What the decisions need from the outside to know which keys there are; the rules of `ports` hold here too."""

from collections.abc import Sequence
from typing import Protocol

from gateway.records import DecideKeys, KeyRecord, RemoteTrust


class RemoteKeys(Protocol):
    """The keys of other issuers, by their `iss`. Asked by requests: nothing here waits or causes a fetch for each."""

    def trust(self, issuer: str) -> RemoteTrust:
        """Return whom to believe, under which keys.

        Raises:
            IssuerUnavailable: the keys were never fetched, or are older than they may be.
        """
        ...

    def miss(self, issuer: str, kid: str) -> None:
        """Note that a token names a key that is not known: in the background, the issuer may be asked again."""
        ...


class KeyStore(Protocol):
    """Where all gateways agree which signing keys there are. Raises StoreUnavailable."""

    async def read(self) -> Sequence[KeyRecord]:
        """Return all records, in the order of their publication."""
        ...

    async def change(self, decide: DecideKeys) -> Sequence[KeyRecord]:
        """Lock the records, let `decide` choose what becomes of them, carry it out; returns them as they are then.

        What `decide` raises passes through, and nothing was changed.
        """
        ...
