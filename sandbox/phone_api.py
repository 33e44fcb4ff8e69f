"""What a person's phone shows and does, as JSON under ``/phone-api/{person}/…`` (person: Telegram id or key, "anna").

Errors: 4xx with ``{"error": "<sentence>", "code": "<CODE>"}``. Times are unix seconds (int) unless said otherwise.

Shapes
  Person   {"id","key","first_name","last_name"|null,"username"|null,"phone","language":"ru|en","theme":"light|dark",
            "two_factor":bool,"hint":str|null}
  Chat     {"kind":"bot|channel|group","id":int,"title","username"|null,"private":bool,"owned":bool,
            "last":{"id","text","date"}|null}            newest first; the bot is always there
  BotMessage {"id":int,"out":bool (the person wrote it),"text","entities":[{"type","offset","length","url"?}],"date",
            "edit_date":int|null,"reply_markup":null|{"inline_keyboard":[[Button]]}|{"keyboard":[[Button]],…}|
            {"remove_keyboard":true}|{"force_reply":true},"photo":{"url"}|null,
            "document":{"file_name","mime_type","size","url"}|null,"reply_to":int|null,
            "forward":{"title","username"|null,"post_id"}|null,"web_app_data":{"data","button_text"}|null}
            (a photo's or document's caption is "text"; offsets are UTF-16 units, as Telegram's)
  Button   {"text", one of "callback_data" | "url" | "web_app":{"url"} | "copy_text":{"text"} | nothing (plain text)}
  Channel  {"id","key"|null,"kind":"channel|group","title","username"|null,"about","private":bool,"owned":bool,
            "joined":bool,"members":int,"posts":int,"link":"https://t.me/name"|null}
  Post     {"id","text","entities","date","edit_date"|null,"views","album":str|null (same value = one album),
            "photo":bool,"forward":{"channel_id","title","username"|null,"post_id"}|null,"link":str|null}
  Device   {"hash":str,"device","app","platform","created","active","current":false,"online":bool,
            "password_pending":bool (scanned, 2FA password not yet given: "incomplete login attempt")}
  Code     {"token":str,"device","app","seconds_left":int,"expires":int}   a login QR now shown on a screen nearby

People and settings
  GET    /phone-api/people                               → [Person]
  GET    /phone-api/{p}/me                               → Person
  PATCH  /phone-api/{p}/settings {language?,theme?}      → Person
  PUT    /phone-api/{p}/two-factor {password,hint?}      → Person        turn 2FA on or change it
  DELETE /phone-api/{p}/two-factor                       → Person
  GET    /phone-api/{p}/login-code                       → {"code":str,"date"}|null   last code sent by phone login
  GET    /phone-api/{p}/events                           server-sent events, see below

Chats and the bot
  GET    /phone-api/{p}/chats                            → [Chat]
  GET    /phone-api/{p}/bot                              → {"id","username","first_name","description",
                                                            "short_description","started":bool,"blocked":bool}
  GET    /phone-api/{p}/bot/messages?before_id=&limit=50 → {"messages":[BotMessage] oldest first,
                                                            "draft":{"draft_id","text"}|null}
  POST   /phone-api/{p}/bot/messages {text,reply_to?}    → BotMessage     also {forward:{channel_id,post_id}}
  POST   /phone-api/{p}/bot/start {start_param?}         → BotMessage     sends "/start [start_param]", unblocks
  POST   /phone-api/{p}/bot/callback {message_id,data}   → {"text":str|null,"show_alert":bool,"url":str|null}
                                                          waits ≤ 10 s for the bot, then 504 BOT_TIMEOUT
  POST   /phone-api/{p}/bot/block {blocked:bool}         → {"blocked":bool}
  GET    /phone-api/{p}/bot/commands                     → [{"command","description"}]  for the person's language
  GET    /phone-api/{p}/bot/menu-button                  → {"type":"commands|web_app","text"?,"web_app"?:{"url"}}
  POST   /phone-api/{p}/bot/web-app {source:"menu|inline|keyboard|link",url?,start_param?,platform?,theme_params?}
           → {"url":"https://…#tgWebAppData=…&tgWebAppVersion=9.1&tgWebAppPlatform=web&tgWebAppThemeParams=…",
              "init_data":str,"query_id":str|null}        source menu takes the menu button's url, others need `url`;
                                                          platform: web (default) | android | ios | tdesktop
  POST   /phone-api/{p}/bot/web-app-data {data,button_text} → BotMessage  Telegram.WebApp.sendData of a keyboard app
  GET    /phone-api/files/{file_id}                      photo or document sent by the bot

Channels
  GET    /phone-api/{p}/channels                         → [Channel]      joined ones
  GET    /phone-api/{p}/channels/search?q=               → [Channel]      public ones by name or title
  GET    /phone-api/{p}/channels/{id}                    → Channel
  GET    /phone-api/{p}/channels/{id}/posts?before_id=&limit=50 → {"channel":Channel,"posts":[Post] oldest first}
  POST   /phone-api/{p}/channels {title,about?,username?,private?} → Channel   a new one, owned
  POST   /phone-api/{p}/channels/{id}/posts {text}       → Post           owners only (403 CHAT_ADMIN_REQUIRED)
  PATCH  /phone-api/{p}/channels/{id}/posts/{post_id} {text} → Post
  DELETE /phone-api/{p}/channels/{id}/posts/{post_id}    → {"deleted":true}
  POST   /phone-api/{p}/channels/{id}/join | /leave      → Channel

Devices and "Link Desktop Device"
  GET    /phone-api/{p}/devices                          → [Device]       logged-in sessions, newest first
  DELETE /phone-api/{p}/devices/{hash}                   → {"terminated":1}
  DELETE /phone-api/{p}/devices                          → {"terminated":n}   all of them
  GET    /phone-api/{p}/scanner                          → [Code]         what the camera could see now
  POST   /phone-api/{p}/scanner {token}                  → Device         accepts; 400 AUTH_TOKEN_EXPIRED / _INVALID /
                                                          AUTH_TOKEN_ALREADY_ACCEPTED. token may be the tg:// url too
  POST   /phone-api/{p}/open-link {url}                  → {"warning":str}  opening tg://login only warns

Events (SSE; `data:` is JSON): message BotMessage · message_edited BotMessage · message_deleted {"id"} ·
  draft {"draft_id","text"} · chat_action {"action"} · post {"channel_id","post":Post} · post_edited (same) ·
  post_deleted {"channel_id","ids":[int]} · devices {} (list changed) · scanner {} (shown codes changed) ·
  settings Person · commands {} · menu_button {} · login_code {"code"}.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from sandbox import phone_views
from sandbox.phone_routes import ROUTES, Phone
from sandbox.phone_routes.request import Answer
from sandbox.wire.server import WireServer
from sandbox.world.errors import WorldError
from sandbox.world.world import World

STATIC = Path(__file__).parent / "phone"


def make_phone_app(world: World, server: WireServer) -> web.Application:
    """The phone's pages and JSON; nothing is cached, so a changed page shows at once."""
    app = web.Application(middlewares=[_errors_and_caching(world)], client_max_size=2**20)
    app.router.add_get("/phone-api/people", _people(world))
    app.router.add_get("/phone-api/files/{file_id}", _file(world))
    for method, path, answer in ROUTES:
        app.router.add_route(method, f"/phone-api/{{person}}{path}", _handler(world, server, answer))
    app.router.add_get("/", _index)
    if STATIC.is_dir():
        app.router.add_static("/", STATIC)
    return app


Handle = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _handler(world: World, server: WireServer, answer: Answer) -> Handle:
    async def handle(request: web.Request) -> web.StreamResponse:
        body: Any = await request.json() if request.can_read_body else {}
        if not isinstance(body, dict):
            raise WorldError("BODY_INVALID", "The body is a JSON object.")
        result = answer(Phone(world, server, request, body))
        result = await result if inspect.isawaitable(result) else result
        world.commit()
        return result if isinstance(result, web.StreamResponse) else web.json_response(result)

    return handle


def _errors_and_caching(world: World) -> Any:
    @web.middleware
    async def middleware(request: web.Request, handler: Handle) -> web.StreamResponse:
        try:
            response = await handler(request)
        except WorldError as error:
            response = web.json_response({"error": str(error), "code": error.code}, status=error.status)
        except ValueError:
            response = web.json_response({"error": "The body is not JSON.", "code": "BODY_INVALID"}, status=400)
        world.commit()
        if not response.prepared:
            response.headers["Cache-Control"] = "no-store"
        return response

    return middleware


def _people(world: World) -> Handle:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.json_response([phone_views.person(each) for each in world.people.by_id.values()])

    return handle


def _file(world: World) -> Handle:
    async def handle(request: web.Request) -> web.StreamResponse:
        facts, content = world.bot.file(request.match_info["file_id"])
        return web.Response(body=content, content_type=facts["mime_type"].partition(";")[0])

    return handle


async def _index(request: web.Request) -> web.StreamResponse:
    page = STATIC / "index.html"
    if not page.exists():
        raise WorldError("PAGE_MISSING", "The phone page is not installed.", 404)
    return web.FileResponse(page)
