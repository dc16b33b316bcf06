"""A real Django in a process of its own: it writes sessions, and says itself whose they are.

Its own process, because Django can be configured once per process only, and each test wants its own secrets.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

PASSWORD = "lovelace-1843"


class RealDjango:
    """Talks to the program below, one JSON line for a command and one for its answer."""

    def __init__(self, database: Path, **settings: object) -> None:
        self.database = database
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(database), json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def do(self, command: str, **arguments: object) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"command": command, **arguments}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert isinstance(answer, str)
        return answer

    def log_in(self, user: str = "ada", **session: object) -> str:
        """Log in with the password and return the session cookie. `session` is what the view puts into it."""
        return self.do("log_in", user=user, session=session)

    def who(self, cookie: str) -> str:
        """Return the primary key of whom Django takes the cookie for; empty for nobody."""
        return self.do("who", cookie=cookie)

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def program(database: str, overrides: Mapping[str, object]) -> None:
    import django
    from django.conf import settings

    if "TIME_ZONE" in overrides:  # a settings module would do this; configure() does not
        os.environ["TZ"] = str(overrides["TIME_ZONE"])
        time.tzset()
    settings.configure(
        **{
            "SECRET_KEY": "a secret",
            "DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": database}},
            "INSTALLED_APPS": ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
            "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
            "USE_TZ": True,
            **overrides,
        }
    )
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    for line in sys.stdin:
        arguments = json.loads(line)
        print(json.dumps(COMMANDS[arguments.pop("command")](**arguments)), flush=True)


def _log_in(user: str, session: Mapping[str, object]) -> str:
    from django.contrib.auth import get_user_model, login
    from django.http import HttpRequest

    users = get_user_model()
    account = users.objects.filter(username=user).first() or users.objects.create_user(user, password=PASSWORD)
    request = _request("")
    login(request, account)
    request.session.update(session)
    assert isinstance(request, HttpRequest)
    request.session.save()
    return str(request.session.session_key)


def _who(cookie: str) -> str:
    from django.contrib.auth import get_user

    user = get_user(_request(cookie))
    return str(user.pk or "")


def _log_out(cookie: str) -> str:
    from django.contrib.auth import get_user, logout

    request = _request(cookie)
    request.user = get_user(request)
    logout(request)
    return str(request.session.session_key or "")


def _visit(session: Mapping[str, object]) -> str:
    """A session of somebody who is not signed in."""
    request = _request("")
    request.session.update(session)
    request.session.save()
    return str(request.session.session_key)


def _expire(cookie: str) -> str:
    from django.contrib.sessions.models import Session

    Session.objects.filter(pk=cookie).update(expire_date="2001-01-01T00:00:00+00:00")
    return ""


def _set(user: str, **fields: object) -> str:
    from django.contrib.auth import get_user_model

    account = get_user_model().objects.get(username=user)
    if "password" in fields:
        account.set_password(fields.pop("password"))
    for name, value in fields.items():
        setattr(account, name, value)
    account.save()
    return ""


def _delete(user: str) -> str:
    from django.contrib.auth import get_user_model

    get_user_model().objects.get(username=user).delete()
    return ""


def _request(cookie: str):  # type: ignore[no-untyped-def]
    from importlib import import_module

    from django.conf import settings
    from django.http import HttpRequest

    request = HttpRequest()
    request.META.update({"SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80"})
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(cookie or None)
    return request


COMMANDS: Mapping[str, Callable[..., str]] = {
    "log_in": _log_in,
    "who": _who,
    "log_out": _log_out,
    "visit": _visit,
    "expire": _expire,
    "set": _set,
    "delete": _delete,
}

if __name__ == "__main__":
    program(sys.argv[1], json.loads(sys.argv[2]))
