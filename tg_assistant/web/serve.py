"""Serves the built Mini App and the API in one Granian server, without node."""

import logging
import os
import resource
import sys
from contextlib import nullcontext
from functools import partial

from tg_assistant.settings.groups import Settings
from tg_assistant.web import workers
from tg_assistant.web.build import ROOT

_KILL_SECONDS = 5  # after the signal to stop; the demo gives every process ten
_CONNECTIONS = 8_192  # open at once in a worker; Granian's default is 1,024, beyond which connections wait
_HEADER_SECONDS = 10  # for a request's first line and headers; slower clients are disconnected


def serve(settings: Settings) -> None:
    """Run the web process until it is signalled to stop. Needs a build (`build.build_if_changed`)."""
    os.chdir(ROOT)
    _set_environment(settings)
    # each connection is an open file; many systems allow a process 1,024 unless it raises its soft limit
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * _CONNECTIONS if most == resource.RLIM_INFINITY else min(2 * _CONNECTIONS, most)
    if now != resource.RLIM_INFINITY and now < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    with workers.sharing() if settings.web.redis_url else nullcontext():
        _run(settings)


def _run(settings: Settings) -> None:
    from granian import server
    from granian.constants import HTTPModes
    from granian.http import HTTP1Settings
    from reflex.utils.exec import run_backend_prod
    from reflex_base import constants
    from reflex_base.environment import environment

    from tg_assistant.web import process

    process.configure(settings)
    # Reflex has no options for these. Without a kill time-out Granian waits for its worker while a browser
    # holds a connection open. HTTP/1 is set because detecting HTTP/2, which no proxy of ours uses, would wait
    # for the first byte without a time-out.
    server.Server = partial(
        server.Server,
        workers_kill_timeout=_KILL_SECONDS,
        backlog=_CONNECTIONS,
        backpressure=_CONNECTIONS,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=_HEADER_SECONDS * 1_000),
    )
    environment.REFLEX_ENV_MODE.set(constants.Env.PROD)
    environment.REFLEX_SKIP_COMPILE.set(True)
    run_backend_prod(
        settings.web.host,
        settings.web.port,
        loglevel=constants.LogLevel.WARNING,
        mount_frontend_compiled_app=True,
    )


def _set_environment(settings: Settings) -> None:
    """Set the variables that Reflex reads before its own configuration exists."""
    os.environ |= {
        "REFLEX_USE_GRANIAN": "true",
        "REFLEX_TELEMETRY_ENABLED": "false",
        "REFLEX_CHECK_LATEST_VERSION": "false",
        "REFLEX_CORS_ALLOWED_ORIGINS": ",".join(settings.web.origins()),
        "REFLEX_SOCKET_MAX_HTTP_BUFFER_SIZE": str(64 * 1024),  # bytes; a question takes 16 kB at most
        "REFLEX_TRUSTED_PROXY_HOPS": str(settings.web.trusted_proxy_hops),
    }
    if settings.web.redis_url is None:
        os.environ["GRANIAN_WORKERS"] = "1"
    else:
        os.environ["REFLEX_REDIS_URL"] = settings.web.redis_url.get_secret_value()
        os.environ["REFLEX_STATE_MANAGER_MODE"] = "redis"


class QuietValues(logging.Filter):
    """Removes a socket's data from Reflex's warnings: an event may contain a resume secret."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if message.startswith("Attempting to send delta to disconnected client"):
            return False  # one line per pending event of every client that disconnects
        head, cut, _ = message.partition("Event data:")
        if message.startswith("Error transforming event payload"):
            head, cut, _ = message.partition(": ")
            head = f"{head}: {type(sys.exc_info()[1]).__name__}"
        if cut:
            record.msg, record.args = head.rstrip(), ()
        return True
