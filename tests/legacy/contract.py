"""The contract that every application keeps behind the gateway, without a line of it changed.

One application is described by a `Case`; `Scene` is that application and a gateway in front of it, both real processes.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

import httpx

from tests.e2e.browser import Browser
from tests.e2e.world import ROOT, Process, free_port


@dataclass(frozen=True)
class Case:
    """An application: how it is started, and how the gateway is told of its sessions.

    `command`, `session` and `place` may name $port, $redis, $postgres and $folder. `away` is a place where nobody
    answers, empty for sessions that need none. `is_kept_by_client` says that the cookie is the session, of which an old
    copy stays good for the application after a logout.
    """

    name: str
    command: Sequence[str]
    session: str
    cookie: str
    place: str
    away: str = ""
    on_undetermined: str = "forward"
    is_kept_by_client: bool = False
    clients: str = "{ id: web, delivery: cookie }"
    folder: Path = ROOT
    environment: dict[str, str] = field(default_factory=dict)


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
            {"SECRET": "sekrit"},
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
        session = f"{self._filled(self.case.session)}, place: {self._filled(place)}, on_undetermined: {on_undetermined}"
        self.config.write_text(
            f"""
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
"""
        )
        self.gateway.start(self._ready)

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

    def browser(self) -> Browser:
        return Browser(self.base)

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

    def who_says_the_application(self, cookies: dict[str, str]) -> str:
        """Whom the application itself takes the cookies for, without the gateway."""
        return who(Browser(self.app_base, dict(cookies)))


def post(browser: Browser, path: str, **form: str) -> httpx.Response:
    """Post as a page of the application does, with its token against forged requests where it has one."""
    token = browser.cookies.get("csrftoken")
    headers = {"Origin": browser.base, **({"X-CSRFToken": token} if token else {})}
    return browser.send("POST", path, form=form, headers=headers)


def who(browser: Browser) -> str:
    return browser.get("/who").text


def who_by_token(browser: Browser) -> str:
    """Whom the application takes the token for; the status where it is refused."""
    response = browser.with_token("GET", "/who")
    return response.text if response.status_code == 200 else str(response.status_code)


def express(**options: str) -> Sequence[str]:
    """The command of the Express application."""
    return ["node", "server.js", json.dumps({"secrets": ["sekrit"], "port": "$port", **options})]


FOLDER = Path(__file__).parent
PYTHON = [sys.executable, "-m", "tests.legacy.serve"]
IN_COOKIE = "{ cookie: {} }"
IN_REDIS = "{ redis: { url: '$redis' } }"
IN_POSTGRES = "{ postgres: { url: '$postgres' } }"
NO_REDIS = "{ redis: { url: 'unix:///nobody.sock' } }"
NO_POSTGRES = "{ postgres: { url: 'postgresql://a@127.0.0.1:1/b' } }"
SECRET = "secrets: { env: SECRET }"

DJANGO = Case(
    "django",
    [*PYTHON, "django", "$port", "$folder/app.db"],
    f"format: django, {SECRET}",
    "sessionid",
    "{ sqlite: { file: '$folder/app.db' } }",
    "{ sqlite: { file: '$folder/none.db' } }",
)
DJANGO_CACHE = Case(
    "django-cache",
    [*PYTHON, "django", "$port", "$folder/app.db", "$redis"],
    f"format: django, {SECRET}, users: {{ place: {{ sqlite: {{ file: '$folder/app.db' }} }} }}",
    "sessionid",
    IN_REDIS,
    NO_REDIS,
    on_undetermined="refuse",
)
FLASK = Case(
    "flask", [*PYTHON, "flask", "$port"], f"format: flask, {SECRET}", "session", IN_COOKIE, is_kept_by_client=True
)
STARLETTE = Case(
    "starlette",
    [*PYTHON, "starlette", "$port"],
    f"format: starlette, {SECRET}",
    "session",
    IN_COOKIE,
    is_kept_by_client=True,
)
FLASK_SESSION = Case(
    "flask-session",
    [*PYTHON, "flask", "$port", "$redis"],
    f"format: flask, {SECRET}",
    "session",
    IN_REDIS,
    NO_REDIS,
    on_undetermined="refuse",
)
EXPRESS_REDIS = Case(
    "express-redis",
    express(store="redis", url="$redis", user="passport"),
    f"format: express, {SECRET}",
    "connect.sid",
    IN_REDIS,
    NO_REDIS,
    folder=FOLDER / "express",
)
EXPRESS_POSTGRES = Case(
    "express-postgres",
    express(store="postgres", url="$postgres", user="own"),
    f"format: express, user: userId, {SECRET}",
    "connect.sid",
    IN_POSTGRES,
    NO_POSTGRES,
    folder=FOLDER / "express",
)
EXPRESS_COOKIE = Case(
    "express-cookie",
    express(store="cookie", user="own"),
    f"format: express, user: userId, cookies: [session, session.sig], {SECRET}, options: {{ allow_unrevocable: true }}",
    "session",
    IN_COOKIE,
    is_kept_by_client=True,
    folder=FOLDER / "express",
)
PHP = Case(
    "php",
    ["php", '-dsession.save_path="$folder"', "-S", "127.0.0.1:$port", "router.php"],
    "format: php",
    "PHPSESSID",
    "{ file: { directory: '$folder' } }",
    "{ file: { directory: '$folder/none' } }",
    folder=FOLDER / "php",
)
CASES = [DJANGO, DJANGO_CACHE, FLASK, FLASK_SESSION, STARLETTE, EXPRESS_REDIS, EXPRESS_POSTGRES, EXPRESS_COOKIE, PHP]
