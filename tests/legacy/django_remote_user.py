"""How a Django application is wired for a gateway that tells it its users in a header.

https://docs.djangoproject.com/en/5.2/howto/auth-remote-user/
"""

from django.contrib.auth.backends import RemoteUserBackend
from django.contrib.auth.middleware import RemoteUserMiddleware


class AuthSubject(RemoteUserMiddleware):  # type: ignore[misc]
    """Behind WSGI a header never is REMOTE_USER, which is the server's own variable: `Remote-User` becomes
    HTTP_REMOTE_USER. So the name has to be said.
    """

    header = "HTTP_X_AUTH_SUBJECT"


class KnownUsers(RemoteUserBackend):  # type: ignore[misc]
    """Makes no user of a name that nobody has."""

    create_unknown_user = False
