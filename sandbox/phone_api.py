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
