"""A very small browser: keeps cookies by name, Secure ones on loopback too as Chromium does, and sends them back."""

import re
from dataclasses import dataclass, field

import httpx


@dataclass
class Browser:
    """One user in front of the gateway (or, with another base, in front of the application itself)."""

    base: str
    cookies: dict[str, str] = field(default_factory=dict)
    token: str = ""

    def send(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        with_cookies: bool = True,
        json: object = None,
        form: dict[str, str] | None = None,
    ) -> httpx.Response:
        sent = dict(headers or {})
        if with_cookies and self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        with httpx.Client(base_url=self.base, timeout=10, trust_env=False) as client:
            response = client.request(method, path, headers=sent, json=json, data=form)
        if with_cookies:
            self._keep(response)
        return response

    def get(self, path: str, **options: object) -> httpx.Response:
        return self.send("GET", path, **options)  # type: ignore[arg-type]

    def _keep(self, response: httpx.Response) -> None:
        for line in response.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            if re.search(r"max-age=0\b|01[ -]jan[ -]1970", line, re.IGNORECASE):
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value

    # --- what a user does in the application ---

    def log_in(self, name: str = "ada", password: str = "lovelace-1843") -> None:
        self.get("/login/")
        form = {"username": name, "password": password, "csrfmiddlewaretoken": self.cookies["csrftoken"]}
        response = self.send(
            "POST", "/login/", form=form, headers={"Origin": self.base, "Referer": f"{self.base}/login/"}
        )
        assert response.status_code == 302, response.text
        assert "sessionid" in self.cookies

    def log_out_of_the_application(self) -> httpx.Response:
        form = {"csrfmiddlewaretoken": self.cookies["csrftoken"]}
        return self.send("POST", "/logout/", form=form, headers={"Origin": self.base, "Referer": f"{self.base}/"})

    # --- what the front end does with us ---

    def own(self, endpoint: str, form: dict[str, str] | None = None, **options: object) -> httpx.Response:
        headers = {"Origin": self.base, "X-Crossfade": "1"} | dict(options.pop("headers", {}) or {})  # type: ignore[call-overload]
        return self.send("POST", f"/.crossfade/{endpoint}", form=form or {}, headers=headers, **options)  # type: ignore[arg-type]

    def exchange(self) -> httpx.Response:
        response = self.own(
            "token",
            {
                "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
                "subject_token_type": "urn:crossfade:params:oauth:token-type:session-cookie",
                "client_id": "web",
            },
        )
        if response.status_code == 200:
            self.token = response.json()["access_token"]
        return response

    def refresh(self) -> httpx.Response:
        response = self.own("token", {"grant_type": "refresh_token", "client_id": "web"})
        if response.status_code == 200:
            self.token = response.json()["access_token"]
        return response

    def with_token(self, method: str, path: str, *, token: str = "", **options: object) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token or self.token}"} | dict(options.pop("headers", {}) or {})  # type: ignore[call-overload]
        return self.send(method, path, headers=headers, **({"with_cookies": False} | options))  # type: ignore[arg-type]
