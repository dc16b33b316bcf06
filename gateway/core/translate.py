"""From what was proved to what the application is given: the only place where a `Permit` is built."""

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.core.credentials import without_cookies
from gateway.core.routes import Rule
from gateway.headers import join_cookies
from gateway.model import (
    Credential,
    Identity,
    LegacySession,
    Permit,
    RequestHead,
    SessionCookie,
    VaultedSession,
    VerifiedToken,
)
from gateway.remote_token import RemoteToken

_NOTHING: frozenset[bytes] = frozenset()
_PROOF = frozenset({b"dpop"})  # a proof for us says nothing to the application


@dataclass(frozen=True, slots=True)
class Proof:
    """What was proved of a credential, with the header lines that follow from it joined once.

    Holds nothing that differs per request or peer, and no verdict: `exp`, the blacklist and the vault are asked again
    for every request. `stamp` is the generation of the keys that it was proved under.
    """

    stamp: int
    identity: Identity
    add: tuple[tuple[bytes, bytes], ...]
    lines: bytes
    token: VerifiedToken | None = None
    session: LegacySession | None = None
    remote: RemoteToken | None = None


@dataclass(frozen=True, slots=True)
class Supplement:
    """What a validated Bearer needs besides the session cookies so that the application accepts it: a CSRF pair.

    `without` names the client's own fields (lower case) that would contradict it.
    """

    cookies: tuple[tuple[bytes, bytes], ...] = ()
    add: tuple[tuple[bytes, bytes], ...] = ()
    lines: bytes = b""
    """The same as `add`, joined."""
    without: frozenset[bytes] = _NOTHING


NO_SUPPLEMENT = Supplement()


@dataclass(frozen=True, slots=True)
class Translator:
    """Builds permits. `own` are the names of our cookies, `identity` those of all legacy session cookies."""

    own: frozenset[bytes]
    identity: frozenset[bytes]

    def anonymous(
        self, head: RequestHead, rule: Rule, shown: SessionCookie | None = None, *, is_stranger: bool = False
    ) -> Permit:
        """Nobody we know: the client's cookies travel on unchanged, but for ours."""
        return Permit(
            upstream=rule.upstream,
            route=rule.path,
            cookie=without_cookies(head.cookie, self.own),
            is_private=shown is not None,
            is_stranger=is_stranger,
            shown=shown,
        )

    def public(self, head: RequestHead, rule: Rule) -> Permit:
        """No store is asked and nothing that identifies a user goes through."""
        cookie = without_cookies(head.cookie, self.own | self.identity)
        return Permit(upstream=rule.upstream, route=rule.path, cookie=cookie, is_stranger=True)

    def forwarded(self, head: RequestHead, rule: Rule, *, has_our_token: bool) -> Permit:
        """A public rule that lets the application's own credentials through; ours never are."""
        authorization = None if has_our_token else head.authorization
        return Permit(
            upstream=rule.upstream,
            route=rule.path,
            cookie=without_cookies(head.cookie, self.own),
            authorization=authorization,
            is_private=authorization is not None or head.cookie is not None,
        )

    def nobody(self, head: RequestHead, rule: Rule) -> Permit:
        """Somebody whose session must not count: not even the session cookies travel on."""
        cookie = without_cookies(head.cookie, self.own | self.identity)
        return Permit(upstream=rule.upstream, route=rule.path, cookie=cookie, is_private=True, is_stranger=True)

    def foreign(self, head: RequestHead, rule: Rule, shown: SessionCookie | None) -> Permit:
        """An `Authorization` of the application's own goes through byte for byte, without an identity of ours."""
        return Permit(
            upstream=rule.upstream,
            route=rule.path,
            credential=Credential.FOREIGN,
            cookie=without_cookies(head.cookie, self.own),
            authorization=head.authorization,
            is_private=True,
            shown=shown,
        )

    def session(self, head: RequestHead, rule: Rule, proof: Proof, shown: SessionCookie) -> Permit:
        """A session that resolved to a user: its cookie as it came, and who that is in our headers."""
        return Permit(
            upstream=rule.upstream,
            route=rule.path,
            credential=Credential.SESSION,
            identity=proof.identity,
            add=proof.add,
            lines=proof.lines,
            cookie=without_cookies(head.cookie, self.own),
            is_private=True,
            session=proof.session,
            shown=shown,
        )

    def token(
        self,
        head: RequestHead,
        rule: Rule,
        proof: Proof,
        *,
        vaulted: VaultedSession | None,
        supplement: Supplement = NO_SUPPLEMENT,
        shown: SessionCookie | None = None,
        credential: Credential = Credential.BEARER,
        answer: Iterable[tuple[bytes, bytes]] = (),
    ) -> Permit:
        """A token: the client's own identity cookies go, those of the token's vaulted session come."""
        attached = (*(vaulted.cookies if vaulted is not None else ()), *supplement.cookies)
        return Permit(
            upstream=rule.upstream,
            route=rule.path,
            credential=credential,
            identity=proof.identity,
            add=proof.add + supplement.add,
            lines=proof.lines + supplement.lines,
            cookie=self._with_attached(head.cookie, attached),
            without=supplement.without | _PROOF if proof.token and proof.token.bound_key else supplement.without,
            answer=tuple(answer),
            is_private=True,
            token=proof.token,
            shown=shown,
            vaulted=vaulted,
        )

    def remote(self, head: RequestHead, rule: Rule, proof: Proof) -> Permit:
        """A token of another issuer: the client's own identity cookies go, and none come. Nobody of ours is meant."""
        assert proof.remote is not None
        return Permit(
            upstream=rule.upstream,
            route=rule.path,
            credential=Credential.BEARER,
            identity=proof.identity,
            add=proof.add,
            lines=proof.lines,
            cookie=without_cookies(head.cookie, self.own | self.identity),
            authorization=head.authorization if proof.remote.forwards else None,
            is_private=True,
            remote=proof.remote,
        )

    def transparent(self, head: RequestHead, rule: Rule, *, has_our_token: bool) -> Permit:
        """Tokens are off: ours are stripped, everything else is the application's business."""
        return Permit(
            upstream=rule.upstream,
            route=rule.path,
            credential=Credential.FOREIGN if head.authorization and not has_our_token else Credential.NONE,
            cookie=without_cookies(head.cookie, self.own),
            authorization=None if has_our_token else head.authorization,
            is_transparent=True,
        )

    def _with_attached(self, cookie: bytes | None, attached: tuple[tuple[bytes, bytes], ...]) -> bytes | None:
        if cookie is None:
            return join_cookies(attached) or None
        names = self.own | self.identity | {name for name, _ in attached}
        kept = without_cookies(cookie, names)
        return b"; ".join(part for part in (kept, join_cookies(attached)) if part) or None
