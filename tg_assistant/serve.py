"""Serves the built Mini App and the API in one Granian server, without node."""

import logging
import os
import sys
from functools import partial

from tg_assistant import process
from tg_assistant.frontend import ROOT
from tg_assistant.settings import Settings

_KILL_SECONDS = 5  # after the signal to stop; the demo gives every process ten


def serve(settings: Settings) -> None:
    """Run the web process until it is told to stop. Needs a build (`frontend.build_if_changed`)."""
    os.chdir(ROOT)
    _set_environment(settings)
    process.configure(settings)
    from granian import server
    from reflex.utils.exec import run_backend_prod
    from reflex_base import constants
    from reflex_base.environment import environment

    # Granian waits for its worker without end while a browser keeps a connection; Reflex has no option for it
    server.Server = partial(server.Server, workers_kill_timeout=_KILL_SECONDS)  # type: ignore[assignment,misc]
    environment.REFLEX_ENV_MODE.set(constants.Env.PROD)
    environment.REFLEX_SKIP_COMPILE.set(True)
    run_backend_prod(
        settings.web.host,
        settings.web.port,
        loglevel=constants.LogLevel.WARNING,
        mount_frontend_compiled_app=True,
    )


def _set_environment(settings: Settings) -> None:
    """What Reflex reads before its own configuration exists."""
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
    """Cuts what a socket sent out of Reflex's warnings: an event may carry a resume secret."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if message.startswith("Attempting to send delta to disconnected client"):
            return False  # who leaves, or is cut off, in the middle of something: a line for each event left
        head, cut, _ = message.partition("Event data:")
        if message.startswith("Error transforming event payload"):
            head, cut, _ = message.partition(": ")
            head = f"{head}: {type(sys.exc_info()[1]).__name__}"
        if cut:
            record.msg, record.args = head.rstrip(), ()
        return True
