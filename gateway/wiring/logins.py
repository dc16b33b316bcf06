"""The applications' own logins, for clients that have no pages."""

from collections.abc import Mapping

import httpx

from gateway.bridge.login import FormLogin, LoginForm
from gateway.core.credentials import Site
from gateway.login_ports import LoginReplay
from gateway.ports import Clock, SessionStore
from gateway.settings.schema.login import Login, LoginCsrf
from gateway.settings.schema.root import Settings
from gateway.wire.policy import UpstreamPolicy
from gateway.wiring.sessions import host_for


def open_logins(
    settings: Settings,
    sites: Mapping[str, Site],
    stores: Mapping[str, SessionStore],
    clock: Clock,
    upstreams: Mapping[str, UpstreamPolicy],
    transports: Mapping[str, httpx.AsyncBaseTransport],
) -> dict[str, LoginReplay]:
    """Return how each application is logged in to, for those whose login is known."""
    logins: dict[str, LoginReplay] = {}
    for session in settings.sessions:
        if session.login is None:
            continue
        name = session.upstream or settings.default_upstream
        logins[session.name] = FormLogin(
            site=sites[session.name],
            form=_form_of(
                session.login,
                base=str(settings.upstreams[name].url),
                public_origin=str(settings.public_url),
                host=host_for(upstreams[name], settings),
            ),
            transport=transports[name],
            sessions=stores[session.name],
            clock=clock,
        )
    return logins


def _form_of(login: Login, *, base: str, public_origin: str, host: str) -> LoginForm:
    csrf = login.csrf or LoginCsrf()
    return LoginForm(
        url=f"{base}{login.url}",
        public_origin=public_origin,
        host=host,
        kind=login.kind,
        username_field=login.username_field,
        password_field=login.password_field,
        fields=tuple(login.fields.items()),
        page="" if login.csrf is None else f"{base}{csrf.page or login.url}",
        csrf_field=csrf.field or "",
        csrf_cookie=(csrf.cookie or "").encode("ascii"),
        csrf_header=(csrf.header or "").encode("ascii"),
        timeout=login.timeout,
    )
