"""The same rules for the gateway's own server and for the ASGI application on two others."""

from tests.asgi.suite import Suite


class TestWire(Suite):
    shell = "wire"


class TestUvicorn(Suite):
    shell = "uvicorn"


class TestGranian(Suite):
    shell = "granian"
