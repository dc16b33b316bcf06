"""Where the sessions of the contract lie, and the same places with nobody there."""

from pathlib import Path

FOLDER = Path(__file__).parent
IN_COOKIE = "{ cookie: {} }"
IN_REDIS = "{ redis: { url: '$redis' } }"
IN_POSTGRES = "{ postgres: { url: '$postgres' } }"
IN_MARIADB = "{ mysql: { url: 'mysql://reader@/app?unix_socket=$mariadb' } }"
IN_FILES = "{ file: { directory: '$folder/sessions' } }"
NO_REDIS = "{ redis: { url: 'unix:///nobody.sock' } }"
NO_POSTGRES = "{ postgres: { url: 'postgresql://a@127.0.0.1:1/b' } }"
NO_MARIADB = "{ mysql: { url: 'mysql://a@127.0.0.1:1/b' } }"
NO_FILES = "{ file: { directory: '$folder/none' } }"
NO_USERS = "{ cookie: {} }, users: { table: users, place: { postgres: { url: 'postgresql://a@127.0.0.1:1/b' } } }"
SECRET = "secrets: { env: SECRET }"
