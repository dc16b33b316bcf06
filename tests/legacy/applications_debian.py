"""The applications of the contract that packages of Debian bring, and the one that Maven builds with them."""

import json
from base64 import b64encode
from dataclasses import replace

from tests.legacy.applications import DJANGO, PYTHON
from tests.legacy.case_places import (
    FOLDER,
    IN_COOKIE,
    IN_FILES,
    IN_MARIADB,
    IN_POSTGRES,
    IN_REDIS,
    NO_FILES,
    NO_MARIADB,
    NO_POSTGRES,
    NO_REDIS,
    NO_USERS,
    SECRET,
)
from tests.legacy.contract import Case

GEMS = "/usr/share/rubygems-integration/all/gems"  # where Debian puts them
DJANGO_MARIADB = replace(
    DJANGO,
    name="django-mariadb",
    command=[*PYTHON, "django", "$port", "$mariadb"],
    place=IN_MARIADB,
    away=NO_MARIADB,
    needs=("mariadbd",),
)
PHP = Case(
    "php",
    ["php", '-dsession.save_path="$folder"', "-S", "127.0.0.1:$port", "router.php"],
    "format: php",
    "PHPSESSID",
    "{ file: { directory: '$folder' } }",
    "{ file: { directory: '$folder/none' } }",
    folder=FOLDER / "php",
    needs=("php",),
)
PHP_REDIS = Case(
    "php-redis",
    [
        "php",
        "-dsession.save_handler=redis",
        '-dsession.save_path="tcp://127.0.0.1:$redis_port"',
        "-dsession.serialize_handler=php_serialize",
        "-S",
        "127.0.0.1:$port",
        "router.php",
    ],
    "format: php, options: { handler: php_serialize }",
    "PHPSESSID",
    IN_REDIS,
    NO_REDIS,
    folder=FOLDER / "php",
    needs=("php", "/usr/lib/php/*/redis.so"),
)


def rails(name: str, cookie: str, session: str, place: str, away: str, **options: str) -> Case:
    """A Rails application with the options of `rails/server.rb`."""
    return Case(
        name,
        ["ruby", "server.rb", json.dumps({"port": "$port", **options})],
        f"format: rails, {session}",
        cookie,
        place,
        away,
        is_kept_by_client=place.startswith(IN_COOKIE),
        folder=FOLDER / "rails",
        needs=("ruby", f"{GEMS}/railties-*", f"{GEMS}/redis-actionpack-*", f"{GEMS}/devise-*"),
    )


RAILS_COOKIE = f"cookies: [_app_session], user: user_id, {SECRET}"
RAILS_DEVISE = replace(
    rails(
        "rails-devise",
        "_app_session",
        f"cookies: [_app_session], {SECRET}, options: {{ binding: true }}",
        IN_COOKIE + ", users: { place: { sqlite: { file: '$folder/rails.db' } } }",
        IN_COOKIE + ", users: { place: { sqlite: { file: '$folder/none.db' } } }",
        store="devise",
        database="$folder/rails.db",
    ),
    logout={"_method": "delete"},
)
RAILS_AUTHENTICATION = replace(
    rails(
        "rails-authentication",
        "session_id",
        f"cookies: [session_id, _app_session], {SECRET}, options: {{ store: authentication }}",
        "{ sqlite: { file: '$folder/rails.db' } }",
        "{ sqlite: { file: '$folder/none.db' } }",
        store="authentication",
        database="$folder/rails.db",
    ),
    logout={"_method": "delete"},
)
RAILS = [
    RAILS_DEVISE,
    rails("rails-json", "_app_session", RAILS_COOKIE, IN_COOKIE, NO_USERS, store="cookie"),
    rails("rails-marshal", "_app_session", RAILS_COOKIE, IN_COOKIE, NO_USERS, store="cookie", serializer="marshal"),
    rails(
        "rails-redis",
        "_app_session",
        "cookies: [_app_session], user: user_id, options: { prefix: 'rack:session:' }",
        IN_REDIS,
        NO_REDIS,
        store="redis",
        url="$redis",
    ),
    RAILS_AUTHENTICATION,
]


def spring(name: str, place: str, away: str, session: str, *options: str) -> Case:
    """The Spring application, in the JVM that starts fastest."""
    jar = FOLDER / "spring" / "target" / "application.jar"
    jvm = ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx256m", "-jar", str(jar)]
    server = ["--server.address=127.0.0.1", "--server.port=$port", "--logging.level.root=warn"]
    command = [*jvm, *server, *options]
    return Case(name, command, f"format: spring{session}", "SESSION", place, away, needs=("java", str(jar)))


BOOT = "org.springframework.boot.autoconfigure"
SPRING_PAIR = "csrf: { kind: masked, header: X-XSRF-TOKEN, cookie: XSRF-TOKEN }"
SPRING_JDBC = spring(
    "spring-jdbc",
    IN_POSTGRES,
    NO_POSTGRES,
    f", {SPRING_PAIR}",
    "--csrf=cookie",
    f"--spring.autoconfigure.exclude={BOOT}.data.redis.RedisAutoConfiguration",
    "--spring.datasource.url=jdbc:postgresql://127.0.0.1:$postgres_port/postgres?sslmode=disable",
    "--spring.datasource.username=crossfade",
    "--spring.session.jdbc.initialize-schema=always",
)
SPRING_REDIS = spring(
    "spring-redis",
    IN_REDIS,
    NO_REDIS,
    "",
    "--csrf=session",
    f"--spring.autoconfigure.exclude={BOOT}.jdbc.DataSourceAutoConfiguration",
    "--spring.data.redis.port=$redis_port",
)
SPRING = [
    SPRING_JDBC,
    SPRING_REDIS,
]


def laravel(name: str, place: str, away: str, options: str, **settings: str) -> Case:
    """A Laravel application with the settings of `laravel/server.php`."""
    words = [f"-dapp.{key}={value}" for key, value in settings.items()]
    return Case(
        name,
        ["php", "-dapp.folder=$folder", *words, "-S", "127.0.0.1:$port", "server.php"],
        f"format: laravel, secrets: {{ env: APP_KEY }}, options: {options}",
        "laravel_session",
        place,
        away,
        folder=FOLDER / "laravel",
        environment={"APP_KEY": "base64:" + b64encode(b"sekrit-sekrit-sekrit-sekrit-sekr").decode()},
        needs=("php", "/usr/share/php/Illuminate/Foundation", "/usr/lib/php/*/pdo_mysql.so", "/usr/lib/php/*/redis.so"),
    )


LARAVEL_8 = "{ prefix: 'laravel_database_laravel_cache:' }"
LARAVEL_REDIS = laravel("laravel-redis", IN_REDIS, NO_REDIS, LARAVEL_8, driver="redis", redis="$redis_port")
LARAVEL = [
    LARAVEL_REDIS,
    laravel("laravel-file", IN_FILES, NO_FILES, "{}", driver="file", cipher="AES-256-GCM"),
    replace(
        laravel("laravel-database", IN_MARIADB, NO_MARIADB, "{}", driver="database", socket="$mariadb"),
        needs=("mariadbd", "php", "/usr/share/php/Illuminate/Foundation", "/usr/lib/php/*/pdo_mysql.so"),
    ),
]
COLUMNS = replace(
    SPRING_JDBC,
    name="columns",
    session="format: columns, cookies: [SESSION], user: principal_name, "
    "options: { table: spring_session, key: session_id, key_form: base64, expires: expiry_time, "
    f"date_form: milliseconds }}, {SPRING_PAIR}",
)
DEBIAN_CASES = [COLUMNS, DJANGO_MARIADB, PHP, PHP_REDIS, *LARAVEL, *RAILS, *SPRING]
