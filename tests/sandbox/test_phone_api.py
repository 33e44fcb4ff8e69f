"""The phone's endpoints: what a person can do by hand."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
from telethon.tl import types

from sandbox.control import Sandbox
from tests.sandbox.conftest import Connect, Phone


async def test_two_people_with_their_own_chats(sandbox: Sandbox, phone: Phone) -> None:
    """Each sees the bot and the channels they follow."""
    people = await phone("GET", "people")
    assert [person["key"] for person in people] == ["anna", "max"]
    anna, max_ = await phone("GET", "anna/chats"), await phone("GET", "max/chats")
    assert {"bot", "channel", "group"} == {chat["kind"] for chat in anna}
    mine = {chat["title"] for chat in anna if chat["private"] and chat["kind"] == "channel"}
    others = {chat["title"] for chat in max_ if chat["private"] and chat["kind"] == "channel"}
    assert mine - others and others - mine


async def test_a_cleared_chat_is_empty(sandbox: Sandbox, phone: Phone) -> None:
    """ "Clear history" takes every message away and leaves the bot started."""
    await phone("POST", "anna/bot/start")
    assert (await phone("DELETE", "anna/bot/messages"))["cleared"] >= 1
    assert (await phone("GET", "anna/bot/messages"))["messages"] == []
    assert (await phone("GET", "anna/bot"))["started"]


async def test_owner_writes_edits_and_deletes(sandbox: Sandbox, phone: Phone) -> None:
    """The owner may, a follower may not, a stranger sees nothing."""
    own = sandbox.channels.get("kuhnya").id
    post = await phone("POST", f"anna/channels/{own}/posts", text="Пирог")
    edited = await phone("PATCH", f"anna/channels/{own}/posts/{post['id']}", text="Пирог готов")
    assert edited["text"] == "Пирог готов" and edited["edit_date"]
    shown = await phone("GET", f"max/channels/{own}/posts?limit=1")
    assert shown["posts"] == [edited]
    await phone("POST", f"max/channels/{own}/posts", text="x", status=403)
    await phone("DELETE", f"anna/channels/{own}/posts/{post['id']}")
    await phone("DELETE", f"anna/channels/{own}/posts/{post['id']}", status=404)
    await phone("GET", f"max/channels/{sandbox.channels.get('sadovaya14').id}/posts", status=404)


async def test_posts_come_in_pages(sandbox: Sandbox, phone: Phone) -> None:
    """Older pages are asked for with before_id."""
    channel = sandbox.channels.get("lumsk_news")
    newest = (await phone("GET", f"anna/channels/{channel.id}/posts?limit=10"))["posts"]
    older = (await phone("GET", f"anna/channels/{channel.id}/posts?limit=10&before_id={newest[0]['id']}"))[
        "posts"
    ]
    ids = [post["id"] for post in older + newest]
    assert ids == sandbox.channels.live[channel.id][-20:]


async def test_finding_joining_and_leaving(sandbox: Sandbox, phone: Phone) -> None:
    """Public channels can be found and followed."""
    [found] = await phone("GET", "anna/channels/search?q=slow_py")
    assert not found["joined"]
    assert (await phone("POST", f"anna/channels/{found['id']}/join"))["joined"]
    assert not (await phone("POST", f"anna/channels/{found['id']}/leave"))["joined"]


async def test_a_new_channel(sandbox: Sandbox, phone: Phone) -> None:
    """A person can open a channel; its name is taken from then on."""
    made = await phone("POST", "max/channels", title="Boat", username="boat_log")
    assert made["owned"] and made["link"] == "https://t.me/boat_log"
    await phone("POST", "anna/channels", title="Other", username="BOAT_log", status=409)


async def test_devices_and_scanner(sandbox: Sandbox, phone: Phone, connect: Connect) -> None:
    """The scanner shows a screen's code; accepting makes a device; terminating ends it."""
    client = await connect(None, device_model="Telegram Assistant")
    login = await client.qr_login()
    [code] = await phone("GET", "anna/scanner")
    assert code["device"] == "Telegram Assistant" and 25 <= code["seconds_left"] <= 30
    assert (await phone("POST", "anna/open-link", url=login.url))["warning"]
    device = await phone("POST", "anna/scanner", token=code["token"])
    await phone("POST", "max/scanner", token=code["token"], status=400)
    assert isinstance(await client(login._request), types.auth.LoginTokenSuccess)
    [listed] = await phone("GET", "anna/devices")
    assert listed["online"] and not listed["password_pending"] and listed["device"] == device["device"]
    await phone("DELETE", f"anna/devices/{listed['hash']}")
    assert await phone("GET", "anna/devices") == []


async def test_two_factor_and_settings(sandbox: Sandbox, phone: Phone) -> None:
    """2FA, language and theme are the person's to change."""
    person = await phone("PUT", "anna/two-factor", password="тайна", hint="кот")
    assert person["two_factor"] and person["hint"] == "кот"
    assert not (await phone("DELETE", "anna/two-factor"))["two_factor"]
    assert (await phone("PATCH", "anna/settings", theme="dark", language="en"))["theme"] == "dark"
    await phone("PATCH", "anna/settings", theme="pink", status=400)


async def test_web_app_needs_an_address(sandbox: Sandbox, phone: Phone) -> None:
    """Without a menu button of that kind there is nothing to open."""
    await phone("POST", "anna/bot/web-app", source="menu", status=400)
    opened = await phone("POST", "anna/bot/web-app", source="inline", url="https://app.example/")
    assert opened["url"].startswith("https://app.example/#tgWebAppData=")
    await phone("POST", "anna/bot/web-app-data", data="{}", button_text="Go")
    assert sandbox.world.bot.updates


async def test_live_events(sandbox: Sandbox, phone: Phone) -> None:
    """The phone hears of messages, posts and settings as they happen."""
    heard: list[tuple[str, Any]] = []

    async def listen() -> None:
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"{sandbox.phone_url}/phone-api/anna/events") as stream,
        ):
            name = ""
            async for line in stream.content:
                field, _, value = line.decode().strip().partition(": ")
                if field == "event":
                    name = value
                elif field == "data":
                    heard.append((name, json.loads(value)))

    task = asyncio.ensure_future(listen())
    await asyncio.sleep(0.2)
    await phone("POST", "anna/bot/start", start_param="x")
    sandbox.channels.publish(sandbox.channels.get("lumsk_news"), "Новость")
    sandbox.channels.publish(sandbox.channels.get("max_boat"), "secret")
    await phone("PATCH", "anna/settings", theme="dark")
    await asyncio.sleep(0.2)
    task.cancel()
    assert [name for name, _ in heard] == ["message", "post", "settings"]
    assert heard[1][1]["post"]["text"] == "Новость"


async def test_bad_requests_are_sentences(sandbox: Sandbox, phone: Phone) -> None:
    """Wrong input is a 4xx with words."""
    assert "no person" in (await phone("GET", "nobody/me", status=404))["error"]
    await phone("POST", "anna/bot/messages", text="", status=400)
    await phone("POST", "anna/bot/messages", text="x" * 5000, status=400)
    await phone("POST", "anna/bot/callback", message_id=1, data="x", status=404)
    await phone("GET", "anna/channels/1/posts", status=404)
