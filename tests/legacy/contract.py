"""The contract that every application keeps behind the gateway, without a line of it changed.

One application is described by a `Case`; `Scene` is that application and a gateway in front of it, both real processes.
"""

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path
from string import Template
from types import MappingProxyType
from urllib.parse import unquote

import httpx
import pytest

from tests.e2e.browser import Browser
from tests.e2e.world import ROOT, Process, free_port


@dataclass(frozen=True)
class Case:
    """An application: how it is started, and how the gateway is told of its sessions.

    `command`, `session` and `place` may name $port, $folder, $redis, $redis_port, $postgres, $postgres_port and
    $mariadb (a Unix socket). `away` is a place where nobody answers, or a table of users that nobody has.
    `is_kept_by_client` says that the cookie is the session, of which an old copy stays good for the application after a
    logout; `is_ageless` that nothing in it says how old it is; `is_inferred` that only the application says that it is
    over, who is asked a second time before that counts; `remember` is the cookie by which a user is known
    without a session; `logout` is what its form for that has in it. `needs` names the programs and the patterns of
    files without which the application cannot be started. The gateway has the same `environment`.
    """

    name: str
    command: Sequence[str]
    session: str
    cookie: str
    place: str
    away: str
    is_kept_by_client: bool = False
    is_ageless: bool = False
    is_inferred: bool = False
    remember: str = ""
    logout: Mapping[str, str] = field(default_factory=dict)
    needs: Sequence[str] = ()
    clients: str = "{ id: web, delivery: cookie }"
    folder: Path = ROOT
    environment: dict[str, str] = field(default_factory=dict)
    more: str = ""
    """Further sections of the configuration."""

    def names(self, server: str) -> bool:
        """Whether the application needs a server of that name."""
        return any(f"${server}" in text for text in (*self.command, self.place))

    def ensure_installed(self) -> None:
        """Skip the test where the application cannot be started on this machine."""
        for name in self.needs:
            if shutil.which(name) is None and not glob(name):  # noqa: PTH207 - a pattern with its folder
                pytest.skip(f"{name} is not installed: make test-frameworks")


class Scene:
    """An application with the gateway in front of it."""

    def __init__(self, case: Case, folder: Path, **servers: str) -> None:
        self.case = case
        self.folder = folder
        self.app_port, self.port, admin_port = free_port(), free_port(), free_port()
        self.app_base, self.base = f"http://127.0.0.1:{self.app_port}", f"http://localhost:{self.port}"
        self._words = {"port": str(self.app_port), "folder": str(folder), **servers}
        command = [self._filled(word) for word in case.command]
        self.app = Process(command, case.environment, folder / "app.log", folder=case.folder)
        self.config = folder / "gateway.yaml"
        self.gateway = Process(
            [sys.executable, "-m", "gateway", "run", "--config", str(self.config)],
            {"SECRET": "sekrit", **case.environment},
            folder / "gateway.log",
        )
        self._ready = f"http://127.0.0.1:{admin_port}/readyz"
        self._admin_port = admin_port

    def start(self) -> None:
        self.app.start(f"{self.app_base}/who")
        self.start_gateway(self.case.place)

    def start_gateway(self, place: str, on_undetermined: str = "forward") -> None:
        """Start it, or start it again with the sessions in another place."""
        self.gateway.stop()
        self.config.write_text(self.written_config(place, on_undetermined))
        self.gateway.start(self._ready)

    def written_config(self, place: str, on_undetermined: str = "forward") -> str:
        """Return the configuration with the sessions in a place."""
        session = f"{self._filled(self.case.session)}, place: {self._filled(place)}, on_undetermined: {on_undetermined}"
        return f"""
listen: 127.0.0.1:{self.port}
public_url: {self.base}
admin: {{ listen: 127.0.0.1:{self._admin_port}, socket: {self.folder}/admin.sock }}
upstreams: {{ app: {{ url: {self.app_base} }} }}
phase: {{ initial: parallel, override_file: {self.folder}/phase }}
sessions:
  - {{ name: main, {session}, logout_paths: [/logout] }}
tokens: {{ audience: app, trust_store_alone: true }}
clients: [{self.case.clients}]
stores: {{ embedded: {self.folder}/crossfade.db }}
drain: {{ delay: 0s, timeout: 5s }}
{self.case.more}
"""

    def _filled(self, text: str) -> str:
        return Template(text).substitute(self._words)

    def stop(self) -> None:
        self.gateway.stop()
        self.app.stop()

    def set_phase(self, name: str) -> None:
        """Choose a phase by the override file; empty to take it away."""
        path = self.folder / "phase"
        if name:
            path.write_text(name + "\n")
        else:
            path.unlink(missing_ok=True)

    # --- what a user does ---

    def browser(self, cookies: Mapping[str, str] = MappingProxyType({})) -> Browser:
        return Browser(self.base, dict(cookies))

    def signed_in(self, user: str) -> Browser:
        browser = self.browser()
        assert post(browser, "/login", user=user).status_code < 400
        assert who(browser) == user
        return browser

    def with_tokens(self, user: str) -> Browser:
        browser = self.signed_in(user)
        response = browser.exchange()
        assert response.status_code == 200, response.text
        return browser

    def log_out_of_the_application(self, browser: Browser) -> int:
        """Log out on a page of the application; returns the status."""
        return post(browser, "/logout", **self.case.logout).status_code

    def outlived(self, user: str) -> Browser:
        """A browser that signed in at the application itself, whose session the application has made expire since."""
        browser = Browser(self.app_base)
        assert post(browser, "/login", user=user).status_code < 400
        assert who(browser) == user
        assert post(browser, "/expire").status_code < 400
        return browser

    def who_says_the_application(self, cookies: dict[str, str]) -> str:
        """Whom the application itself takes the cookies for, without the gateway."""
        return who(Browser(self.app_base, dict(cookies)))


# Where a page has its token, and what it posts it in. Spring's pages hold it masked, unlike the cookie of that name.
TOKEN_HEADERS = {
    "csrftoken": "X-CSRFToken",
    "csrf_token": "X-CSRF-Token",
    "XSRF-TOKEN": "X-XSRF-TOKEN",
    "masked_X-CSRF-TOKEN": "X-CSRF-TOKEN",
    "masked_X-XSRF-TOKEN": "X-XSRF-TOKEN",
}


def post(browser: Browser, path: str, **form: str) -> httpx.Response:
    """Post as a page of the application does, with its token against forged requests where it put one into a cookie."""
    tokens = {
        header: unquote(browser.cookies[name]) for name, header in TOKEN_HEADERS.items() if name in browser.cookies
    }
    return browser.send("POST", path, form=form, headers={"Origin": browser.base, **tokens})


def who(browser: Browser) -> str:
    return browser.get("/who").text


def who_by_token(browser: Browser) -> str:
    """Whom the application takes the token for; the status where it is refused."""
    response = browser.with_token("GET", "/who")
    return response.text if response.status_code == 200 else str(response.status_code)


def nobody_says_the_gateway(browser: Browser) -> bool:
    """Whether its cookies are no identity for the gateway and yield no tokens."""
    told = browser.get("/.crossfade/session")
    assert told.status_code == 200, told.text
    response = browser.exchange()
    assert response.status_code in {401, 409}, response.text
    return told.json()["subject"] is None and "access_token" not in response.json()
