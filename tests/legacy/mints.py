"""Applications whose sessions are made by the gateway: cases of the contract, with what `mint` says of each."""

from dataclasses import dataclass, replace

from gateway.legacy.laravel import login_key
from tests.legacy.applications import (
    DJANGO,
    DJANGO_CACHE,
    DJANGO_POSTGRES,
    EXPRESS_COOKIE,
    EXPRESS_POSTGRES,
    EXPRESS_REDIS,
    FLASK,
    FLASK_SESSION,
    PYTHON,
    STARLETTE,
)
from tests.legacy.applications_debian import DJANGO_MARIADB, LARAVEL, RAILS
from tests.legacy.case_places import IN_COOKIE, IN_MARIADB, IN_REDIS, SECRET
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
LARAVELS = {case.name: case for case in LARAVEL}
LARAVEL_REDIS, LARAVEL_DATABASE = LARAVELS["laravel-redis"], LARAVELS["laravel-database"]
MARIADB_WRITER = IN_MARIADB.replace("reader", "app")
RAILS_TEMPLATES = {"rails-json": '{ user_id: "{subject}" }', "rails-authentication": '{ user_id: "{subject:number}" }'}
RAILS_MADE = [case for case in RAILS if case.name in RAILS_TEMPLATES]


def with_old_digest(case: Case) -> Case:
    """The case with the keys of a Rails before 7.0, which is what Debian has."""
    if "options: {" in case.session:
        return replace(case, session=case.session.replace("options: {", "options: { digest: SHA1,"))
    return replace(case, session=f"{case.session}, options: {{ digest: SHA1 }}")


def written_in(case: Case) -> str:
    """Where a session of the case is written."""
    return "" if case.place == IN_COOKIE else case.place


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
    MintCase(DJANGO_POSTGRES, DJANGO_TEMPLATE, DJANGO_POSTGRES.place),
    MintCase(DJANGO_MARIADB, DJANGO_TEMPLATE, MARIADB_WRITER),
    MintCase(LARAVEL_DATABASE, f'{{ {login_key()}: "{{subject:number}}" }}', MARIADB_WRITER),
    MintCase(LARAVEL_REDIS, f'{{ {login_key()}: "{{subject:number}}" }}', IN_REDIS),
    *(MintCase(with_old_digest(case), RAILS_TEMPLATES[case.name], written_in(case)) for case in RAILS_MADE),
]
