"""The web process: Reflex pages and the API in one app; errors of handlers become notices."""

import logging
from typing import Any, cast
from uuid import uuid4

import reflex as rx
import structlog
from redis.exceptions import RedisError
from reflex.event import EventSpec
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Scope

from tg_assistant import pages, theme
from tg_assistant.api.app import create_api
from tg_assistant.api.http.cors import CrossOrigin
from tg_assistant.api.http.path_guard import Doorstep
from tg_assistant.api.limits import client_address
from tg_assistant.errors import AssistantError
from tg_assistant.infra import metrics
from tg_assistant.sockets.connection_limits import Gate
from tg_assistant.sockets.flood_guard import quieten
from tg_assistant.sockets.namespace import PeopleOnly, Sockets
from tg_assistant.sockets.token_bucket import Pace
from tg_assistant.state import ForgetOnReconnect, SessionState
from tg_assistant.web import build, process
from tg_assistant.web.headers import SecurityHeaders
from tg_assistant.web.serve import QuietValues

log = structlog.get_logger()
_VIEWPORT = "width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content"
_away = Pace(1, 60)
for _name in ("reflex.app", "reflex_base.event.processor.base_state_processor"):
    logging.getLogger(_name).addFilter(QuietValues())


def notice_for(exception: Exception) -> EventSpec | None:
    """The event that shows a handler's error: one of ours by its code, others by a reference id in the log.

    None while Redis is away: a notice is part of the state, which is stored there.
    """
    if isinstance(exception, RedisError):
        if _away.take(""):  # every event of every socket raises this
            log.error("page.redis_away", error=type(exception).__name__)
        return None
    if isinstance(exception, AssistantError):
        log.info("page.refused", code=exception.code)
        metrics.errors_total.labels("page", exception.code).inc()
        return _notice(exception.code, exception.values)
    reference = uuid4().hex[:8]
    log.error("page.failed", reference=reference, exc_info=exception)
    metrics.errors_total.labels("page", "internal").inc()
    return _notice("internal", {}, reference)


def _notice(code: str, values: dict[str, Any], reference: str = "") -> EventSpec:
    """Calling a handler on the class gives its event: Reflex replaces the method at run time."""
    return cast("EventSpec", SessionState.fail(code, values, reference))


def log_browser_error(exception: Exception) -> None:
    """Log an error of the page itself; the person sees the error boundary. `Sockets` limits their rate."""
    log.warning("page.browser_error", detail=str(exception)[:1500])


def _address_of(scope: Scope) -> str:
    return client_address(HTTPConnection(scope), process.settings().web.trusted_proxy_hops)


class App(rx.App):
    """Reflex's app in our outermost middleware: headers on every answer of pages, API and preflights."""

    def __call__(self) -> ASGIApp:
        inside = Doorstep(CrossOrigin(Gate(super().__call__(), _address_of)))
        return SecurityHeaders(inside, process.settings, build.inline_scripts)

    def _setup_state(self) -> None:
        """Replace Reflex's socket namespace with ours, under the same name."""
        super()._setup_state()
        if self.sio is not None and self.event_namespace is not None:
            self._event_namespace = Sockets(self.event_namespace.namespace, self)
            self.sio.register_namespace(self._event_namespace)
            quieten()


app = App(
    toaster=None,
    app_wraps={},  # the frame in template.py has our own boundary, banner and notices
    stylesheets=["/app.css"],
    head_components=[
        rx.el.meta(
            name="viewport",
            content=_VIEWPORT,
        ),
        rx.el.link(rel="icon", href="/icon.svg", type="image/svg+xml"),
        rx.el.style(theme.css()),
        rx.el.script(src="/bridge.js"),
    ],
    api_transformer=create_api(process.current),
    backend_exception_handler=notice_for,
    frontend_exception_handler=log_browser_error,
)
app.add_middleware(ForgetOnReconnect(), index=0)
app.add_middleware(PeopleOnly(), index=1)
app.register_lifespan_task(process.lifespan)
pages.load()
