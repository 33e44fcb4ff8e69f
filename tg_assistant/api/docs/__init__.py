"""The API's description for people: Swagger UI and Redoc from our own server, with their own CSP."""

from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from tg_assistant.errors import NotFound

router = APIRouter(include_in_schema=False)
_HERE = Path(__file__).parent
_BUNDLES = files("fastapi_offline") / "static"  # only its files are used: both projects' releases
# the one image that Redoc loads from another host is replaced with our icon
_FOREIGN_LOGO, _OWN_LOGO = b"https://cdn.redoc.ly/redoc/logo-mini.svg", b"/icon.svg"
_OWN = {
    "swagger.js": "text/javascript",
    "redoc.js": "text/javascript",
    "docs.css": "text/css",
}
_BUNDLED = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "redoc.standalone.js": "text/javascript",
}
# both set inline styles at run time; Redoc's search runs in a worker created from a blob
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self' data:; connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_DAY = {"Cache-Control": "public, max-age=86400"}


@router.get("/openapi.json")
async def openapi(request: Request) -> JSONResponse:
    """The current OpenAPI document; docs/api/openapi.json is a copy of it."""
    return JSONResponse(request.app.openapi(), headers={"Cache-Control": "no-cache"})


@router.get("/docs")
async def swagger() -> Response:
    """Swagger UI, for trying calls in the browser; the access token is typed in and stays in page memory."""
    return _page("swagger.html")


@router.get("/redoc")
async def redoc() -> Response:
    """Redoc: the same document, read-only."""
    return _page("redoc.html")


@router.get("/docs/static/{name}")
async def static(name: str) -> Response:
    """Swagger's and Redoc's files from the installed packages. Raises NotFound for a name not listed."""
    if name in _OWN:
        return Response((_HERE / name).read_bytes(), media_type=_OWN[name], headers=_DAY)
    if name in _BUNDLED:
        bundle = (_BUNDLES / name).read_bytes().replace(_FOREIGN_LOGO, _OWN_LOGO)
        return Response(bundle, media_type=_BUNDLED[name], headers=_DAY)
    raise NotFound("http.404")


def _page(name: str) -> Response:
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
    return Response((_HERE / name).read_bytes(), media_type="text/html; charset=utf-8", headers=headers)
