"""Our own endpoints as small ASGI applications."""
