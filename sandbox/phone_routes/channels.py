"""Channels: search, reading, following, and posting in the person's own."""

from __future__ import annotations

from typing import Any

from sandbox import phone_views as views
from sandbox.phone_routes.request import Phone, Routes
from sandbox.world.model import Post


def _channels(phone: Phone) -> Any:
    return [phone.show(each) for each in phone.world.channels.followed_by(phone.person)]


def _search(phone: Phone) -> Any:
    query = phone.request.query.get("q", "").lstrip("@").casefold()
    found = [
        each
        for each in phone.world.channels.by_id.values()
        if not each.private and (query in each.title.casefold() or query in (each.username or "").casefold())
    ]
    return [phone.show(each) for each in found[:50]]


def _new_channel(phone: Phone) -> Any:
    username = (phone.body.get("username") or "").lstrip("@") or None
    channel = phone.world.channels.create(
        phone.text("title").strip()[:128] or "Channel",
        about=phone.body.get("about") or "",
        username=None if phone.body.get("private") else username,
        private=bool(phone.body.get("private")) or username is None,
        owner=phone.person.id,
        members=[phone.person.id],
    )
    return phone.show(channel)


def _posts(phone: Phone) -> Any:
    channel = phone.channel
    before = phone.number("before_id") or 2**62
    posts = phone.world.channels.posts[channel.id]
    ids = [each for each in phone.world.channels.live[channel.id] if each < before]
    shown = ids[-max(1, min(phone.number("limit", 50), 200)) :]
    return {"channel": phone.show(channel), "posts": [_show_post(phone, posts[each]) for each in shown]}


def _show_post(phone: Phone, post: Post) -> dict[str, Any]:
    return views.post(phone.world, post)


def _publish(phone: Phone) -> Any:
    return _show_post(phone, phone.world.channels.publish(phone.own_channel, phone.text("text")))


def _edit_post(phone: Phone) -> Any:
    post = phone.world.channels.edit(phone.own_channel, phone.number("post"), phone.text("text"))
    return _show_post(phone, post)


def _delete_post(phone: Phone) -> Any:
    channel = phone.own_channel
    phone.world.channels.post(channel, phone.number("post"))
    phone.world.channels.delete(channel, [phone.number("post")])
    return {"deleted": True}


def _join(phone: Phone) -> Any:
    phone.world.channels.join(phone.channel, phone.person)
    return phone.show(phone.channel)


def _leave(phone: Phone) -> Any:
    channel = phone.channel
    phone.world.channels.leave(channel, phone.person)
    return phone.show(channel)


ROUTES: Routes = [
    ("GET", "/channels", _channels),
    ("GET", "/channels/search", _search),
    ("POST", "/channels", _new_channel),
    ("GET", "/channels/{channel}", lambda phone: phone.show(phone.channel)),
    ("GET", "/channels/{channel}/posts", _posts),
    ("POST", "/channels/{channel}/posts", _publish),
    ("PATCH", "/channels/{channel}/posts/{post}", _edit_post),
    ("DELETE", "/channels/{channel}/posts/{post}", _delete_post),
    ("POST", "/channels/{channel}/join", _join),
    ("POST", "/channels/{channel}/leave", _leave),
]
