"""Who is asking, as FastAPI dependencies behind `GatewayMiddleware`.

::

    @app.get("/me")
    async def me(who: Annotated[Identity, Depends(required_identity)]) -> dict[str, str]:
        return {"subject": who.subject}
"""

from fastapi import HTTPException
from starlette.requests import HTTPConnection

from gateway.errors import LoginRequired
from gateway.model import Identity


def identity(connection: HTTPConnection) -> Identity | None:
    """Return who is asking, or None for an anonymous request.

    Raises:
        RuntimeError: the middleware is not installed.
    """
    try:
        found = connection.scope["auth"]
    except KeyError:
        raise RuntimeError("GatewayMiddleware is not installed: app.add_middleware(GatewayMiddleware, …)") from None
    return found if isinstance(found, Identity) else None


def required_identity(connection: HTTPConnection) -> Identity:
    """Return who is asking.

    Raises:
        HTTPException: 401 with a Bearer challenge (RFC 6750 section 3); nobody is signed in.
    """
    found = identity(connection)
    if found is None:
        raise HTTPException(LoginRequired.status, LoginRequired.title, {"www-authenticate": "Bearer"})
    return found
