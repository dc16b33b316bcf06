"""The requests of `make soak`, each with what is right for it."""

import base64
import random
import zlib
from dataclasses import dataclass, field, replace

import orjson

from tests.soak.application import MALFORMED
from tests.soak.ledger import Call, Token

UPLOAD = 100_000
_CUT = ("short", "short-chunks", "stall")
_WHOLE = ("excess", "twice", "slow")


@dataclass
class Numbers:
    """Names that occur once."""

    last: int = 0

    def __call__(self) -> str:
        self.last += 1
        return f"{self.last}"


@dataclass
class Caller:
    """Makes calls for whoever shows a credential."""

    draw: random.Random
    next_name: Numbers = field(default_factory=Numbers)

    def honest(self, token: Token, *, is_over: bool = False) -> Call:
        """A page for a token; one that is over must not reach the application."""
        name = self.next_name()
        way = "refused" if is_over else "page"
        return Call(name, get(f"/{way}/{name}", bearer(token.text)), token.user, token=token)

    def session(self, user: str, cookie: str) -> Call:
        name = self.next_name()
        return Call(name, get(f"/page/{name}", f"Cookie: session={cookie}\r\n"), user)

    def public(self, cookie: str) -> Call:
        """The application is not told who it is."""
        name = self.next_name()
        return Call(name, get(f"/public/{name}", f"Cookie: session={cookie}\r\n"))

    def nobody(self) -> Call:
        name = self.next_name()
        return Call(name, get(f"/refused/{name}"), status=401)

    def forged(self, token: Token) -> Call:
        name = self.next_name()
        text = self.draw.choice(FORGERIES)(token.text)
        return Call(name, get(f"/refused/{name}", bearer(text)), status=401)

    def toggled(self) -> Call:
        """An address whose rule changes with each reload."""
        name = self.next_name()
        return Call(name, get(f"/toggle/{name}"))

    def upload(self, token: Token, kind: str = "upload") -> Call:
        name, body = self.next_name(), self.draw.randbytes(self.draw.randrange(UPLOAD))
        request = post(f"/{kind}/{name}", bearer(token.text), body)
        return Call(name, request, token.user, token=token, checksum=zlib.crc32(body))

    def early(self, token: Token) -> Call:
        """The application answers before it has the body."""
        return replace(self.upload(token, "early"), status=413, checksum=0)

    def faulty(self, token: Token) -> Call:
        """The application does something that it should not."""
        kind = self.draw.choice((*MALFORMED, *_CUT, *_WHOLE, "reset", "error"))
        name = self.next_name()
        call = Call(name, get(f"/{kind}/{name}", bearer(token.text)), token.user, token=token)
        if kind in _CUT:
            return replace(call, is_cut=True)
        if kind in _WHOLE:
            return call
        return replace(call, status=500 if kind == "error" else 502)

    def hanging(self, token: Token) -> Call:
        name = self.next_name()
        return Call(name, get(f"/hang/{name}", bearer(token.text)), token.user, status=504, token=token)

    def big(self, token: Token) -> Call:
        name = self.next_name()
        return Call(name, get(f"/big/{name}", bearer(token.text)), token.user, token=token, has_content=False)

    def abandoned(self, token: Token) -> tuple[bytes, bool]:
        """What a client sends that leaves in the middle, and whether it waits for the first byte of the answer."""
        name = self.next_name()
        page = get(f"/slow/{name}", bearer(token.text))
        upload = post(f"/upload/{name}", bearer(token.text), bytes(UPLOAD))
        return self.draw.choice(
            (
                (page[:-10], False),
                (page, False),
                (page, True),
                (upload[: len(upload) // 2], False),
                (get(f"/big/{name}", bearer(token.text)), True),
                (get(f"/hang/{name}", bearer(token.text)), False),
            )
        )


def bearer(text: str) -> str:
    return f"Authorization: Bearer {text}\r\n"


def get(path: str, fields: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n".encode()


def post(path: str, fields: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{fields}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def claims_of(text: str) -> dict[str, object]:
    """What a token says, unchecked."""
    part = text.split(".")[1]
    found: dict[str, object] = orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def _encode(content: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(content)).rstrip(b"=").decode()


def _for_somebody_else(text: str) -> str:
    head, _, signature = text.split(".")
    return ".".join((head, _encode({**claims_of(text), "sub": "admin"}), signature))


def _for_longer(text: str) -> str:
    head, _, signature = text.split(".")
    return ".".join((head, _encode({**claims_of(text), "exp": 9_999_999_999}), signature))


def _unsigned(text: str) -> str:
    return ".".join((_encode({"alg": "none", "typ": "at+jwt"}), text.split(".")[1], ""))


def _with_another_signature(text: str) -> str:
    head, payload, signature = text.split(".")
    return ".".join((head, payload, signature[::-1]))


FORGERIES = (_for_somebody_else, _for_longer, _unsigned, _with_another_signature)
