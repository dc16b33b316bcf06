"""What the client's bytes can be refused for. Nothing of such a request reaches the application."""

from gateway.errors.base import GatewayError, Source


class Refusal(GatewayError):
    """The request is not acceptable HTTP; nothing of it may reach the application and the connection closes."""

    status = 400
    code = "bad_request"
    source = Source.CLIENT
    title = "The request is not valid HTTP."


class BadRequest(Refusal):
    """Syntax, framing or header fields that two parsers could read differently (RFC 9112)."""


class AmbiguousPath(Refusal):
    """A path that two parsers could read differently."""

    code = "ambiguous_path"
    title = "The path can be read in more than one way."


class MethodRefused(Refusal):
    """CONNECT, TRACE or a method that is not on the list."""

    status = 405
    code = "method_refused"
    title = "The method is not allowed here."


class RequestTimeout(Refusal):
    """The client was too slow to send its request."""

    status = 408
    code = "request_timeout"
    title = "The request took too long to arrive."


class BodyTooLarge(Refusal):
    """The body is larger than the limit."""

    status = 413
    code = "body_too_large"
    title = "The request body is too large."


class TargetTooLong(Refusal):
    """The request line is longer than the limit."""

    status = 414
    code = "target_too_long"
    title = "The request target is too long."


class ExpectationFailed(Refusal):
    """An `Expect` other than 100-continue (RFC 9110 section 10.1.1)."""

    status = 417
    code = "expectation_failed"
    title = "The expectation cannot be met."


class UpgradeRefused(Refusal):
    """A WebSocket handshake that RFC 6455 section 4.2.1 does not allow."""

    status = 426
    code = "upgrade_refused"
    title = "The upgrade is not acceptable."


class FieldsTooLarge(Refusal):
    """Too many header fields or too many bytes in them (RFC 6585 section 5)."""

    status = 431
    code = "fields_too_large"
    title = "The header fields are too large."


class NotImplementedCoding(Refusal):
    """A transfer coding that we do not decode (RFC 9112 section 6.1)."""

    status = 501
    code = "not_implemented"
    title = "The transfer coding is not supported."


class VersionRefused(Refusal):
    """Not HTTP/1.0 or HTTP/1.1."""

    status = 505
    code = "version_refused"
    title = "The HTTP version is not supported."


class WebSocketUnsupported(Refusal):
    """A WebSocket where the shell has messages and no tunnel: the reverse proxy on a foreign ASGI server."""

    status = 501
    code = "websocket_unsupported"
    title = "WebSockets are not carried here."
