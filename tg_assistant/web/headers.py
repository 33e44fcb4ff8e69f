"""Headers of every answer of the web process, and the redirect to Telegram's script."""

from collections.abc import Callable, Iterable
from urllib.parse import unquote, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tg_assistant.settings.groups import Settings

SDK_PATH = "/tg-sdk.js"
_IMMUTABLE = "public, max-age=31536000, immutable"
_KEPT_STATUSES = (200, 206, 304)


def content_security_policy(settings: Settings, inline: Iterable[str] = ()) -> str:
    """The CSP of our pages: own origin, Telegram's script, framed only by FRAME_ANCESTORS.

    `inline` are the hashes of the scripts that the build wrote into its pages: no other inline script runs.
    Inline styles are allowed: React sets them on elements, and hashes do not cover that.
    """
    sdk = urlsplit(settings.web.sdk_url)
    script_origin = f" {sdk.scheme}://{sdk.netloc}" if sdk.netloc else ""
    hashes = "".join(f" '{one}'" for one in inline)
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self'{script_origin}{hashes}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "connect-src 'self'",
            f"frame-ancestors {settings.web.frame_ancestors}",
            "base-uri 'self'",
            "form-action 'self'",
            "object-src 'none'",
        )
    )


class SecurityHeaders:
    """ASGI middleware around the whole web process.

    Headers that an answer sets itself are not overwritten: the second-screen page has a stricter policy.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: Callable[[], Settings],
        inline_scripts: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self._app = app
        self._settings = settings
        self._inline_scripts = inline_scripts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        if path == SDK_PATH:
            answer = RedirectResponse(self._settings().web.sdk_url, headers={"Cache-Control": "no-cache"})
            await answer(scope, receive, self._adding_headers(path, send))
            return
        await self._app(scope, receive, self._adding_headers(path, send))

    def _adding_headers(self, path: str, send: Send) -> Send:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                # a 304 has no content type, and its headers replace those that the browser has stored
                if message["status"] != 304:
                    self._add(path, message["status"], headers)
                if message["status"] == 307 and "location" in headers:
                    headers["location"] = slash_redirect(path, headers["location"])
            await send(message)

        return send_with_headers

    def _add(self, path: str, status: int, headers: MutableHeaders) -> None:
        inline = self._inline_scripts() if headers.get("content-type", "").startswith("text/html") else ()
        headers.setdefault("Content-Security-Policy", content_security_policy(self._settings(), inline))
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Referrer-Policy", "no-referrer")
        headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
        headers.setdefault("Cache-Control", cache_control(path, headers.get("content-type", ""), status))
        if self._settings().web.public_url.startswith("https://"):
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")


def slash_redirect(path: str, location: str) -> str:
    """Make a redirect that only adds the slash relative: behind a TLS proxy the server's has scheme http.

    The result starts with exactly one slash, lest a browser read its first folder as a host. Any other
    `location` is returned unchanged.
    """
    target = urlsplit(location)
    if unquote(target.path) != f"{path}/":
        return location
    return "/" + target._replace(scheme="", netloc="").geturl().lstrip("/\\")


def cache_control(path: str, content_type: str, status: int = 200) -> str:
    """`Cache-Control`: hashed files for a year, pages revalidated, the rest (mainly the API) not stored."""
    if path.startswith("/assets/") and status in _KEPT_STATUSES:
        return _IMMUTABLE
    if content_type.startswith(("text/html", "text/css", "image/", "font/")) or path.endswith(".js"):
        return "no-cache"
    return "no-store"
