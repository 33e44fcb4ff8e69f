"""The phone page in Chromium: a person's Telegram against a running sandbox, an aiogram bot and Telethon."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from aiogram import Bot, Dispatcher, F
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.filters import CommandObject, CommandStart
from aiogram.types import (
    BotCommand,
    CallbackQuery,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    MenuButtonWebApp,
    Message,
    WebAppInfo,
)
from aiohttp import web
from playwright.async_api import Browser, Locator, Page, async_playwright, expect
from telethon import TelegramClient
from telethon.crypto import rsa
from telethon.errors import SessionPasswordNeededError
from telethon.sessions import StringSession

from sandbox.control import Sandbox, run_sandbox

SDK = Path(__file__).parents[2] / "assets/vendor/telegram-web-app.js"
CHROMIUM = Path("/usr/bin/chromium")
PATIENCE = 60_000  # milliseconds; only what never comes takes that long, however busy the machine
expect.set_options(timeout=PATIENCE)
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]

MINI_APP = """<!doctype html><script src="/sdk.js"></script><body><pre id="log"></pre><script>
const app = Telegram.WebApp, log = (line) => { document.getElementById("log").textContent += line + "\\n"; };
log("platform " + app.platform); log("scheme " + app.colorScheme);
log("language " + app.initDataUnsafe.user.language_code); log("param " + app.initDataUnsafe.start_param);
app.onEvent("themeChanged", () => log("theme " + app.colorScheme + " " + app.themeParams.bg_color));
app.onEvent("viewportChanged", () => log("viewport " + app.viewportHeight + " frame " + innerHeight));
app.onEvent("safeAreaChanged", () => log("safe area " + app.safeAreaInset.top));
app.onEvent("deactivated", () => log("hidden")); app.onEvent("activated", () => log("shown"));
app.MainButton.setText("Connect").show().onClick(() => {
  log("main pressed"); app.HapticFeedback.notificationOccurred("success");
  app.showPopup({title: "Sure?", message: "Really?", buttons: [{id: "go", type: "destructive", text: "Go"},
    {type: "cancel"}]}, (id) => {
      log("popup " + id); app.BackButton.show(); app.enableClosingConfirmation(); });
});
app.BackButton.onClick(() => { log("back pressed"); app.BackButton.hide(); });
app.SettingsButton.show().onClick(() => log("settings pressed"));
app.CloudStorage.setItem("key", "value", () => app.CloudStorage.getItems(["key", "none"],
  (error, items) => log("cloud " + JSON.stringify(items))));
app.readTextFromClipboard((text) => log("clipboard " + text));
app.setHeaderColor("#123456"); app.ready();
</script><button onclick="app.openLink(location.origin + '/app?connect')">Outside</button>
<button onclick="app.openTelegramLink('https://t.me/lumsk_news')">Inside</button>"""


@pytest.fixture(scope="module")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    async with run_sandbox(tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture(scope="module")
async def app_url() -> AsyncIterator[str]:
    """A Mini App of one page, on 127.0.0.1: another site than the phone's localhost."""

    async def page(request: web.Request) -> web.Response:
        return web.Response(text=MINI_APP, content_type="text/html")

    async def sdk(request: web.Request) -> web.Response:
        return web.Response(text=SDK.read_text(), content_type="text/javascript")

    app = web.Application()
    app.add_routes([web.get("/app", page), web.get("/sdk.js", sdk)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/app"
    await runner.cleanup()


def _old_post(sandbox: Sandbox) -> int:
    """A post of the news channel that no first page shows, and that is not inside an album."""
    channel = sandbox.channels.get("lumsk_news")
    posts = sandbox.channels.posts[channel.id]
    return next(each for each in sandbox.channels.live[channel.id] if not posts[each].album)


def _dispatcher(app_url: str, source: int) -> Dispatcher:
    """A bot that greets with buttons, drafts its answers and links to the source post."""
    dispatcher = Dispatcher()

    @dispatcher.message(CommandStart())
    async def start(message: Message, command: CommandObject) -> None:
        rows = [
            [InlineKeyboardButton(text="App", web_app=WebAppInfo(url=app_url))],
            [InlineKeyboardButton(text="Ask me", callback_data="ask")],
        ]
        await message.answer(
            f"<b>Hello</b> &lt;i&gt; {command.args or 'nobody'}",
            parse_mode="HTML",
            reply_markup=InlineKeyboardMarkup(inline_keyboard=rows),
        )

    @dispatcher.callback_query()
    async def pressed(query: CallbackQuery) -> None:
        await query.answer(f"You pressed {query.data}", show_alert=True)

    @dispatcher.message(F.text)
    async def echo(message: Message, bot: Bot) -> None:
        await bot.send_chat_action(message.chat.id, "typing")
        await bot.send_message_draft(chat_id=message.chat.id, draft_id=1, text="Thinking about it")
        await asyncio.sleep(0.5)
        link = f"<a href='https://t.me/lumsk_news/{source}'>the post</a>"
        await message.answer(f"See {link}", parse_mode="HTML")

    return dispatcher


@pytest.fixture(scope="module", autouse=True)
async def bot(sandbox: Sandbox, app_url: str) -> AsyncIterator[Bot]:
    api = AiohttpSession(api=TelegramAPIServer.from_base(sandbox.bot_api_url))
    bot = Bot(sandbox.install["bot_token"], session=api)
    await bot.set_my_commands([BotCommand(command="start", description="Begin")])
    await bot.set_chat_menu_button(menu_button=MenuButtonWebApp(text="Open", web_app=WebAppInfo(url=app_url)))
    dispatcher = _dispatcher(app_url, _old_post(sandbox))
    polling = asyncio.create_task(dispatcher.start_polling(bot, handle_signals=False, polling_timeout=1))
    yield bot
    await dispatcher.stop_polling()
    await polling
    await bot.session.close()


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        path = str(CHROMIUM) if CHROMIUM.exists() else None
        browser = await playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        await browser.close()


@pytest.fixture
async def page(browser: Browser, sandbox: Sandbox) -> AsyncIterator[Page]:
    """A page at phone width; an error in its scripts fails the test."""
    context = await browser.new_context(viewport={"width": 390, "height": 844})
    page = await context.new_page()
    page.set_default_timeout(PATIENCE)
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    yield page
    await context.close()
    assert broken == []


@asynccontextmanager
async def desk(sandbox: Sandbox, name: str) -> AsyncIterator[TelegramClient]:
    """An unmodified Telethon client on a screen near the phone."""
    rsa._server_keys.clear()
    rsa.add_key(Path(sandbox.install["rsa_key_file"]).read_text(), old=False)
    session = StringSession()
    session.set_dc(sandbox.install["dc_id"], "127.0.0.1", sandbox.mtproto_port)
    client = TelegramClient(
        session, sandbox.install["api_id"], sandbox.install["api_hash"], device_model=name, app_version="1.0"
    )
    await client.connect()
    try:
        yield client
    finally:
        disconnected = client.disconnect()
        if disconnected is not None:
            await disconnected


async def open_phone(page: Page, sandbox: Sandbox, place: str) -> None:
    await page.goto(f"{sandbox.phone_url}/#/{place}")
    await page.reload()


async def test_start_in_the_bots_chat(page: Page, sandbox: Sandbox):
    """A first visit shows START; the bot's answer comes with its words, formatting and buttons."""
    await page.goto(sandbox.phone_url)
    await page.get_by_test_id("person-anna").click()
    await page.get_by_test_id("chat-bot").click()
    await expect(page.get_by_test_id("composer")).to_have_count(0)
    await page.get_by_test_id("bot-start").click()
    answer = page.get_by_test_id("message-in").last
    await expect(answer).to_contain_text("Hello <i> nobody")
    await expect(answer.locator("b")).to_have_text("Hello")
    await page.get_by_text("Ask me").click()
    await expect(page.get_by_test_id("callback-alert")).to_contain_text("You pressed ask")
    await page.get_by_role("button", name="ОК", exact=True).click()
    await expect(page.get_by_test_id("menu-button")).to_have_text("Open")


async def test_a_start_link_asks_for_start_again(page: Page, sandbox: Sandbox):
    """t.me/bot?start=x opens the chat with a START button that sends the payload."""
    await open_phone(page, sandbox, "max/bot?start=invite-7")
    await page.get_by_test_id("bot-start").click()
    await expect(page.get_by_test_id("message-out").last).to_contain_text("/start invite-7")
    await expect(page.get_by_test_id("message-in").last).to_contain_text("Hello <i> invite-7")
    await expect(page.get_by_test_id("composer")).to_be_visible()


async def test_question_draft_answer_and_source(page: Page, sandbox: Sandbox):
    """A draft streams while the bot thinks; the answer's source opens the channel at that post."""
    sandbox.phone("anna").send("/start")
    await open_phone(page, sandbox, "anna/bot")
    await page.get_by_test_id("composer").fill("<img src=x onerror=alert(1)> What is new?")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("draft")).to_contain_text("Thinking about it")
    await expect(page.get_by_test_id("message-out").last).to_contain_text("<img src=x onerror=alert(1)>")
    await page.get_by_role("link", name="the post").last.click()
    await expect(page.get_by_test_id("draft")).to_have_count(0)
    await expect(page.get_by_test_id(f"post-{_old_post(sandbox)}")).to_be_in_viewport()


async def test_commands_menu_sends_a_command(page: Page, sandbox: Sandbox):
    """The "/" button lists the bot's commands; one tap sends one."""
    sandbox.phone("anna").send("/start")
    await open_phone(page, sandbox, "anna/bot")
    await page.get_by_test_id("commands-button").click()
    before = await page.get_by_test_id("message-out").count()
    await page.get_by_test_id("command-start").click()
    await expect(page.get_by_test_id("message-out")).to_have_count(before + 1)


async def test_mini_app_speaks_with_the_phone(page: Page, sandbox: Sandbox):
    """The SDK's events both ways: theme, viewport, buttons, popup, haptics, storage, header colour."""
    sandbox.phone("anna").send("/start")
    await open_phone(page, sandbox, "anna/bot")
    await page.get_by_test_id("menu-button").click()
    log = page.frame_locator("[data-testid=webapp-frame]").locator("#log")
    for line in ("platform android", "scheme light", "language ru", "theme light #ffffff", "safe area 0",
                 'cloud {"key":"value","none":""}', "clipboard null"):  # fmt: skip
        await expect(log).to_contain_text(line)
    await page.get_by_test_id("main-button").click()
    await expect(page.get_by_test_id("haptics")).to_have_attribute("data-last", "notification success")
    await page.get_by_test_id("popup-go").click()
    await expect(log).to_contain_text("popup go")
    await page.get_by_test_id("back-button").click()
    await expect(log).to_contain_text("back pressed")
    await page.get_by_test_id("webapp-menu").click()
    await page.get_by_test_id("webapp-settings").click()
    await expect(log).to_contain_text("settings pressed")
    await expect(page.get_by_test_id("webapp-header")).to_have_css("background-color", "rgb(18, 52, 86)")
    heights = re.findall(r"viewport (\d+) frame (\d+)", await log.inner_text())
    assert heights and heights[-1][0] == heights[-1][1]
    await page.get_by_test_id("webapp-close").click()
    await page.get_by_test_id("close-anyway").click()
    await expect(page.get_by_test_id("webapp")).to_have_count(0)


async def opened_tab(page: Page, link: Locator) -> Page:
    """The tab that a link in the Mini App opens, be it after the phone's question.

    The app's frame is another process: where its tap reaches the phone's before the browser has told
    that the person tapped, the browser blocks the tab, and the phone asks for a tap of its own.
    """
    tabs = []
    page.on("popup", lambda tab: tabs.append(tab))  # noqa: PLW0108 - Playwright takes no built-in method
    await link.click()
    confirm = page.get_by_test_id("open-link-confirm")
    async with asyncio.timeout(60):
        while not tabs:
            if await confirm.is_visible():
                await confirm.click()
            await page.wait_for_timeout(50)
    await tabs[0].wait_for_url(re.compile("^http"))
    return tabs[0]


async def test_mini_app_opens_links(page: Page, sandbox: Sandbox):
    """openLink opens an ordinary tab; openTelegramLink shows the channel and minimises the app."""
    sandbox.phone("anna").send("/start")
    await open_phone(page, sandbox, "anna/bot")
    await page.get_by_test_id("message-in").last.get_by_text("App").click()
    app = page.frame_locator("[data-testid=webapp-frame]")
    # until it has faded, the browser gives a tap to the loading screen that still lies over the frame
    await expect(page.locator(".webapp-loading.gone")).to_have_css("opacity", "0")
    tab = await opened_tab(page, app.get_by_text("Outside"))
    assert tab.url.endswith("/app?connect")
    assert await tab.evaluate("window.opener") is None
    await app.get_by_text("Inside").click()
    await expect(page.get_by_test_id("posts")).to_be_visible()
    await expect(app.locator("#log")).to_contain_text("hidden")
    await page.get_by_test_id("webapp-restore").click()
    await expect(app.locator("#log")).to_contain_text("shown")


async def test_theme_and_language_change_live(page: Page, sandbox: Sandbox):
    """A minimised Mini App gets the new theme at once; words and launch data change language."""
    sandbox.phone("anna").send("/start")
    await open_phone(page, sandbox, "anna/settings")
    await page.get_by_test_id("platform-tdesktop").click()
    await page.goto(f"{sandbox.phone_url}/#/anna/bot")
    await page.get_by_test_id("menu-button").click()
    log = page.frame_locator("[data-testid=webapp-frame]").locator("#log")
    await expect(log).to_contain_text("platform tdesktop")
    await page.get_by_test_id("webapp-menu").click()
    await page.get_by_test_id("webapp-minimize").click()
    await page.get_by_test_id("chat-back").click()
    await page.get_by_test_id("settings").click()
    await page.get_by_test_id("theme-dark").click()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await page.get_by_test_id("webapp-restore").click()
    await expect(log).to_contain_text("theme dark #212121")
    await expect(log).to_contain_text("hidden\n")
    await page.get_by_test_id("webapp-close").click()
    await page.get_by_test_id("language-en").click()
    await expect(page.get_by_text("Two-step verification")).to_be_visible()
    await page.goto(f"{sandbox.phone_url}/#/anna/bot")
    await page.get_by_test_id("menu-button").click()
    await expect(log).to_contain_text("language en")
    await page.get_by_test_id("webapp-close").click()
    await page.goto(f"{sandbox.phone_url}/#/anna/settings")
    await page.get_by_test_id("theme-light").click()
    await page.get_by_test_id("language-ru").click()
    await expect(page.get_by_text("Двухэтапная аутентификация")).to_be_visible()


async def test_scanner_links_and_terminate_ends_a_device(page: Page, sandbox: Sandbox):
    """The scanner lists the code a client shows, accepts it, and the device can be ended from the list."""
    await open_phone(page, sandbox, "anna/settings")
    await page.get_by_test_id("devices").click()
    await page.get_by_test_id("link-device").click()
    await expect(page.get_by_test_id("scan-empty")).to_be_visible()
    async with desk(sandbox, "Test desk") as client:
        login = await client.qr_login()
        waiting = asyncio.create_task(login.wait(60))
        code = page.get_by_test_id("scan-code-1")
        await expect(code).to_contain_text("Test desk")
        assert int(re.findall(r"\d+", await page.get_by_test_id("scan-seconds-1").inner_text())[0]) <= 30
        await code.click()
        await page.get_by_test_id("scan-confirm").click()
        assert (await waiting).id == sandbox.phone("anna").person.id
        await expect(page.get_by_test_id("device")).to_contain_text("Test desk")
        await page.get_by_test_id("terminate").click()
        await page.get_by_test_id("terminate-confirm").click()
        await expect(page.get_by_test_id("no-sessions")).to_be_visible()
        with suppress(ConnectionError):
            assert await client.get_me() is None


async def test_two_step_password_is_asked_after_the_scan(page: Page, sandbox: Sandbox):
    """With the password on, a scanned device waits as an incomplete attempt; off again, it is gone."""
    await open_phone(page, sandbox, "max/settings/two-step")
    await page.get_by_test_id("twofa-password").fill("correct horse")
    await page.get_by_test_id("twofa-hint").fill("staple")
    await page.get_by_test_id("twofa-save").click()
    await expect(page.get_by_test_id("twofa-state")).to_have_text("On")
    async with desk(sandbox, "Second desk") as client:
        login = await client.qr_login()
        waiting = asyncio.create_task(login.wait(60))
        await page.goto(f"{sandbox.phone_url}/#/max/settings/devices/scan")
        await page.get_by_test_id("scan-code-1").click()
        await page.get_by_test_id("scan-confirm").click()
        with pytest.raises(SessionPasswordNeededError):
            await waiting
        await expect(page.get_by_test_id("device-list")).to_contain_text("Incomplete login attempt")
        await client.sign_in(password="correct horse")
        await expect(page.get_by_test_id("device-list")).not_to_contain_text("Incomplete login attempt")
    await page.goto(f"{sandbox.phone_url}/#/max/settings/two-step")
    await page.get_by_test_id("twofa-off").click()
    await page.get_by_test_id("twofa-off-confirm").click()
    await expect(page.get_by_test_id("twofa-state")).to_have_text("Off")
    assert sandbox.phone("max").person.password is None


async def test_an_expired_code_is_refused_in_words(page: Page, sandbox: Sandbox):
    """A code that expires between the tap and the confirmation is refused with a sentence."""
    async with desk(sandbox, "Slow desk") as client:
        await client.qr_login()
        await open_phone(page, sandbox, "anna/settings/devices/scan")
        await page.get_by_test_id("scan-code-1").click()
        sandbox.expire_codes()
        await page.get_by_test_id("scan-confirm").click()
        await expect(page.get_by_test_id("toast")).to_contain_text("Код устарел")


async def test_owner_writes_edits_and_deletes_a_post(page: Page, sandbox: Sandbox):
    """In one's own channel a post can be written, changed and taken back."""
    channel = sandbox.channels.get("kuhnya")
    await open_phone(page, sandbox, "anna")
    await page.get_by_test_id(f"chat-channel-{channel.id}").click()
    await page.get_by_test_id("composer").fill("Soup at seven")
    await page.get_by_test_id("send").click()
    post = page.locator("article", has_text="Soup at seven")
    await expect(post).to_be_in_viewport()
    await post.locator("[data-testid^=post-menu]").click()
    await page.get_by_test_id("post-edit").click()
    await page.get_by_test_id("composer").fill("Soup at eight")
    await page.keyboard.press("Enter")
    edited = page.locator("article", has_text="Soup at eight")
    await expect(edited.get_by_test_id("edited")).to_be_visible()
    await edited.locator("[data-testid^=post-menu]").click()
    await page.get_by_test_id("post-delete").click()
    await page.get_by_test_id("post-delete-confirm").click()
    await expect(edited).to_have_count(0)
    assert all(
        "Soup" not in each.text for each in sandbox.channels.posts[channel.id].values() if not each.deleted
    )


async def test_a_channel_scrolls_back_to_its_first_post(page: Page, sandbox: Sandbox):
    """Older posts come by scrolling up; the newest stay one tap away."""
    channel = sandbox.channels.get("lumsk_news")
    first = sandbox.channels.live[channel.id][0]
    await open_phone(page, sandbox, f"anna/c/{channel.id}")
    await expect(page.locator("article").first).to_be_visible()
    for _ in range(8):
        await page.evaluate("document.querySelector('[data-testid=posts]').scrollTop = 0")
        await page.wait_for_timeout(150)
    await expect(page.get_by_test_id(f"post-{first}")).to_be_visible()
    await page.get_by_test_id("scroll-down").click()
    await expect(page.locator("article").last).to_be_in_viewport()


async def test_search_join_and_leave(page: Page, sandbox: Sandbox):
    """A public channel is found by name, joined, and left again."""
    viewer = sandbox.phone("anna").person.id
    channel = next(
        each for each in sandbox.channels.by_id.values() if each.username and viewer not in each.members
    )
    await open_phone(page, sandbox, "anna")
    await page.get_by_test_id("search").fill(str(channel.username))
    await page.get_by_test_id(f"chat-channel-{channel.id}").click()
    await page.get_by_test_id("channel-join").click()
    await expect(page.get_by_test_id("channel-join")).to_have_count(0)
    assert viewer in channel.members
    await page.get_by_test_id("chat-menu").click()
    await page.get_by_test_id("channel-leave").click()
    await page.get_by_test_id("confirm").click()
    await expect(page.get_by_test_id("chats")).to_be_visible()
    assert viewer not in channel.members


async def test_a_login_link_only_warns(page: Page, sandbox: Sandbox, bot: Bot):
    """tg://login opened as a link warns, as Telegram does, and logs nobody in."""
    sandbox.phone("anna").send("/start")
    await bot.send_message(
        sandbox.phone("anna").person.id, "<a href='tg://login?token=abc'>open</a>", parse_mode="HTML"
    )
    await open_phone(page, sandbox, "anna/bot")
    await page.get_by_role("link", name="open", exact=True).last.click()
    await expect(page.get_by_test_id("link-warning")).to_be_visible()


async def test_desk_width_shows_both_columns(page: Page, sandbox: Sandbox):
    """On a wide window the list stays beside the open chat."""
    await page.set_viewport_size({"width": 1280, "height": 800})
    await open_phone(page, sandbox, f"max/c/{sandbox.channels.get('lumsk_news').id}")
    await expect(page.get_by_test_id("chats")).to_be_visible()
    await expect(page.get_by_test_id("posts")).to_be_visible()


async def test_the_page_resumes_when_the_server_comes_back(page: Page, tmp_path: Path):
    """The phone says "connecting…" while the sandbox is away and shows what came meanwhile."""
    async with run_sandbox(tmp_path) as first:
        port, bot_api_port, channel = (
            first.phone_port,
            first.bot_api_port,
            first.channels.get("lumsk_news").id,
        )
        await open_phone(page, first, f"anna/c/{channel}")
        await expect(page.locator("article").first).to_be_visible()
    await expect(page.get_by_test_id("connecting")).to_be_visible()
    async with run_sandbox(tmp_path, phone_port=port, bot_api_port=bot_api_port) as second:
        second.channels.publish(second.channels.get("lumsk_news"), "The bridge is open again")
        await expect(page.get_by_test_id("connecting")).to_be_hidden()
        await expect(page.locator("article", has_text="The bridge is open again")).to_be_in_viewport()


def test_strings_have_both_languages():
    """Every sentence of the phone exists in Russian and in English."""
    source = (Path(__file__).parents[2] / "sandbox/phone/js/strings.js").read_text()
    blocks = [
        re.sub(r'"(?:[^"\\]|\\.)*"', '""', source.split(f"const {name} = {{")[1].split("\n};")[0])
        for name in ("ru", "en")
    ]
    keys = [
        set(re.findall(r"(?:^|[,{]\s*|\n\s*)(\w+):", block)) - {"one", "few", "many", "other"}
        for block in blocks
    ]
    assert keys[0] == keys[1], json.dumps(sorted(keys[0] ^ keys[1]))
