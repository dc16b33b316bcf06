"""What is compared: each writes its configuration, starts on one core, and names its process."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.processes import ROOT
from bench.sessions import SECRET
from bench.tokens import AUDIENCE, ISSUER, Material

DIRECT = "the application itself"
PLAIN = "nginx, plain proxy, no checks"
ENVOY_CACHED = "Envoy jwt_authn, cache of 1,000"
MIRROR = "Crossfade, mirror"
STRICT = "Crossfade, strict"
SESSION = "Crossfade, session path"
PROXY_CORE = "0"
LOAD_CORE = "1"
ORIGIN_PORT = 19000


@dataclass(frozen=True, slots=True)
class Contender:
    """A proxy to measure. `command` starts it in the foreground, `version` prints one line.

    `shows` is what its clients show: `tokens` or `sessions`.
    """

    name: str
    port: int
    command: tuple[str, ...]
    version: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()
    shows: str = "tokens"


def found(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin"]))


def origin(folder: Path) -> tuple[str, ...]:
    """The upstream: nginx with an answer of 100 bytes."""
    config = nginx_config(
        folder, "origin", f"listen 127.0.0.1:{ORIGIN_PORT}; location / {{ return 200 '{'x' * 100}'; }}"
    )
    return (str(found("nginx")), "-c", str(config))


def nginx_config(folder: Path, name: str, server: str, extra: str = "") -> Path:
    path = folder / f"{name}.conf"
    user = (
        "user root; " if os.geteuid() == 0 else ""
    )  # whose temporary files lie in this folder, which is closed to others
    path.write_text(
        f"{user}daemon off; worker_processes 1; pid {folder}/{name}.pid; error_log stderr crit;\n"
        "events { worker_connections 4096; }\n"
        f"http {{ access_log off; keepalive_requests 100000000; client_body_temp_path {folder}/{name}-body;\n"
        f"proxy_temp_path {folder}/{name}-proxy; fastcgi_temp_path {folder}/{name}-f; uwsgi_temp_path {folder}/{name}-u;\n"
        f"scgi_temp_path {folder}/{name}-s; {extra}\n server {{ {server} }} }}\n"
    )
    return path


def nginx_plain(folder: Path, material: Material) -> Contender | None:
    binary = found("nginx")
    if binary is None:
        return None
    config = nginx_config(
        folder,
        "plain",
        "listen 127.0.0.1:19001; location / { proxy_pass http://origin; proxy_http_version 1.1;"
        ' proxy_set_header Connection ""; proxy_set_header Host $host; }',
        f"upstream origin {{ server 127.0.0.1:{ORIGIN_PORT}; keepalive 64; keepalive_requests 100000000; }}",
    )
    return Contender(PLAIN, 19001, (binary, "-c", str(config)), (binary, "-v"))


def haproxy(folder: Path, material: Material) -> Contender | None:
    binary = found("haproxy")
    if binary is None:
        return None
    config = folder / "haproxy.cfg"
    config.write_text(
        "global\n  nbthread 1\ndefaults\n  mode http\n  timeout client 30s\n  timeout server 30s\n  timeout connect 5s\n"
        "frontend f\n  bind 127.0.0.1:19002\n"
        "  http-request set-var(txn.bearer) http_auth_bearer\n"
        "  http-request set-var(txn.exp) http_auth_bearer,jwt_payload_query('$.exp','int')\n"
        "  http-request deny deny_status 401 unless { http_auth_bearer,jwt_header_query('$.alg') -m str RS256 }\n"
        f"  http-request deny deny_status 401 unless {{ http_auth_bearer,jwt_payload_query('$.iss') -m str {ISSUER} }}\n"
        f"  http-request deny deny_status 401 unless {{ http_auth_bearer,jwt_payload_query('$.aud') -m str {AUDIENCE} }}\n"
        f'  http-request deny deny_status 401 unless {{ http_auth_bearer,jwt_verify("RS256","{material.public}") -m int 1 }}\n'
        "  default_backend b\n"
        f"backend b\n  http-reuse always\n  server s 127.0.0.1:{ORIGIN_PORT}\n"
    )
    return Contender("HAProxy jwt_verify", 19002, (binary, "-db", "-f", str(config)), (binary, "-v"))


def envoy(folder: Path, material: Material, *, cached: bool) -> Contender | None:
    binary = found("envoy")
    if binary is None:
        return None
    port = 19004 if cached else 19003
    config = folder / f"envoy-{port}.yaml"
    cache = "jwt_cache_config: { jwt_cache_size: 1000 }" if cached else ""
    config.write_text(
        ENVOY.format(
            port=port,
            origin=ORIGIN_PORT,
            issuer=ISSUER,
            audience=AUDIENCE,
            jwks=material.jwks.replace("'", "''"),
            cache=cache,
        )
    )
    name = ENVOY_CACHED if cached else "Envoy jwt_authn as it comes"
    command = (binary, "-c", str(config), "--concurrency", "1", "--log-level", "error", "--disable-hot-restart")
    return Contender(name, port, command, (binary, "--version"))


ENVOY = """
static_resources:
  listeners:
  - address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: ingress
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes: [ {{ match: {{ prefix: "/" }}, route: {{ cluster: origin }} }} ]
          http_filters:
          - name: envoy.filters.http.jwt_authn
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication
              providers:
                crossfade:
                  issuer: "{issuer}"
                  audiences: ["{audience}"]
                  local_jwks: {{ inline_string: '{jwks}' }}
                  {cache}
              rules: [ {{ match: {{ prefix: "/" }}, requires: {{ provider_name: crossfade }} }} ]
          - name: envoy.filters.http.router
            typed_config: {{ "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }}
  clusters:
  - name: origin
    connect_timeout: 1s
    load_assignment:
      cluster_name: origin
      endpoints: [ {{ lb_endpoints: [ {{ endpoint: {{ address: {{ socket_address:
        {{ address: 127.0.0.1, port_value: {origin} }} }} }} }} ] }} ]
"""


CROSSFADE = (sys.executable, "-m", "gateway")


def crossfade(folder: Path, material: Material, mode: str, redis: int) -> Contender:
    """The gateway with tokens and a Redis. `mirror` looks into its copy of the blacklist, `strict` asks Redis every time.

    Each has a database of its own in that Redis, since each has a log of its own that the blacklist is filled from.
    """
    port, database = (19005, 0) if mode == "mirror" else (19006, 1)
    stores = ", redis: { env: BENCH_REDIS }"
    config = configure(folder, material, port, stores=stores, more=f"revocation: {{ mode: {mode} }}\n")
    environment = (("BENCH_REDIS", f"redis://127.0.0.1:{redis}/{database}"),)
    command = (*CROSSFADE, "run", "--config", str(config))
    name = MIRROR if mode == "mirror" else STRICT
    return Contender(name, port, command, (*CROSSFADE, "version"), environment)


def crossfade_session(folder: Path, material: Material) -> Contender:
    """The gateway with the sessions of a Django application, whose users it remembers for some seconds."""
    sessions = (
        f"sessions: [{{ name: main, upstream: app, format: django, place: {{ sqlite: {{ file: {folder}/app.db }} }},\n"
        "  cookies: [sessionid], secrets: [{ env: DJANGO_SECRET_KEY }], login_url: /login/, logout_paths: [/logout/],\n"
        "  options: { binding: false } }]\n"
    )
    config = configure(folder, material, 19007, more=sessions)
    command = (*CROSSFADE, "run", "--config", str(config))
    environment = (("DJANGO_SECRET_KEY", SECRET),)
    return Contender(SESSION, 19007, command, (*CROSSFADE, "version"), environment, "sessions")


def crossfade_asgi(folder: Path, material: Material, server: str) -> Contender | None:
    """The same flow behind an ASGI server of somebody else's."""
    binary = found(server)
    if binary is None:
        return None
    port = 19008 if server == "uvicorn" else 19009
    environment = (("CROSSFADE_CONFIG", str(configure(folder, material, port))),)
    options: tuple[str, ...] = ("--log-level", "error")
    if server == "granian":
        options = ("--interface", "asgi", "--no-ws", "--log-level", "error")
    command = (binary, "--host", "127.0.0.1", "--port", str(port), *options, "bench.shell:app")
    return Contender(f"Crossfade as an ASGI application on {server}", port, command, (binary, "--version"), environment)


def configure(folder: Path, material: Material, port: int, *, stores: str = "", more: str = "") -> Path:
    place = folder / f"crossfade-{port}"
    place.mkdir()
    config = place / "gateway.yaml"
    config.write_text(
        f"listen: 127.0.0.1:{port}\npublic_url: {ISSUER}\n"
        f"admin: {{ listen: 127.0.0.1:{port + 100}, socket: {place}/admin.sock }}\n"
        f"upstreams: {{ app: {{ url: 'http://127.0.0.1:{ORIGIN_PORT}' }} }}\n"
        f"phase: {{ initial: parallel, override_file: {place}/phase }}\n{more}"
        f"tokens: {{ audience: {AUDIENCE}, algorithm: RS256, trust_store_alone: true }}\n"
        f"keys: [{{ file: {material.private} }}]\nstores: {{ embedded: {place}/crossfade.db{stores} }}\n"
        "routes: [{ path: /*, auth: required }]\n"
    )
    return config


def version_of(contender: Contender) -> str:
    done = subprocess.run(contender.version, capture_output=True, text=True, timeout=20, check=False, cwd=ROOT)
    found_version = re.search(r"\d+\.\d+\.\d+[^\s/]*", done.stdout + done.stderr)
    return found_version.group() if found_version else "unknown"
