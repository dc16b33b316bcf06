"""Applications whose sessions are made by the gateway: cases of the contract, with what `mint` says of each."""

from dataclasses import dataclass, replace

from tests.legacy.applications import (
    DJANGO,
    DJANGO_CACHE,
    EXPRESS_COOKIE,
    EXPRESS_POSTGRES,
    EXPRESS_REDIS,
    FLASK,
    FLASK_SESSION,
    PYTHON,
    STARLETTE,
)
from tests.legacy.case_places import IN_COOKIE, SECRET
from tests.legacy.contract import Case

DJANGO_TEMPLATE = (
    '{ _auth_user_id: "{subject}", _auth_user_backend: django.contrib.auth.backends.ModelBackend,'
    ' _auth_user_hash: "{password_hash}" }'
)


@dataclass(frozen=True)
class MintCase:
    """A case, the template of its sessions, and where they are written, empty where nowhere."""

    case: Case
    template: str
    place: str = ""
    lifetime: str = "1h"

    @property
    def name(self) -> str:
        return self.case.name

    @property
    def minting(self) -> Case:
        """The case with `bridge: mint`."""
        place = f", place: {self.place}" if self.place else ""
        mint = f"mint: {{ session: {self.template}, lifetime: {self.lifetime}{place} }}"
        return replace(self.case, session=f"{self.case.session}, bridge: mint, {mint}")


SIGNED_COOKIES = Case(
    "django-signed-cookies",
    [*PYTHON, "django-signed-cookies", "$port", "$folder/app.db"],
    f"format: django, {SECRET}, users: {{ place: {{ sqlite: {{ file: '$folder/app.db' }} }} }}",
    "sessionid",
    IN_COOKIE,
    "",
    is_kept_by_client=True,
)
MINTS = [
    MintCase(DJANGO, DJANGO_TEMPLATE, DJANGO.place),
    MintCase(DJANGO_CACHE, DJANGO_TEMPLATE, DJANGO_CACHE.place),
    MintCase(SIGNED_COOKIES, DJANGO_TEMPLATE),
    MintCase(FLASK, '{ _user_id: "{subject}", _fresh: false }'),
    MintCase(FLASK_SESSION, '{ _user_id: "{subject}", _fresh: false, csrf_token: "{random}" }', FLASK_SESSION.place),
    MintCase(STARLETTE, '{ user_id: "{subject}" }'),
    MintCase(EXPRESS_REDIS, '{ passport: { user: "{subject}" } }', EXPRESS_REDIS.place),
    MintCase(EXPRESS_POSTGRES, '{ userId: "{subject}" }', EXPRESS_POSTGRES.place),
    MintCase(EXPRESS_COOKIE, '{ userId: "{subject}" }'),
]
