"""Channels and groups: their members, posts, edits, deletions and pts."""

from __future__ import annotations

import secrets
from bisect import bisect_left
from typing import Any

from sandbox.world.errors import WorldError
from sandbox.world.foundation import Foundation
from sandbox.world.model import Channel, ChannelEvent, Person, Post
from sandbox.world.people import People

FIRST_ID = 1_600_000_001
LONGEST = 4096  # characters in a message


class Channels:
    """All channels; `posts` includes deleted ones, `live` has the ids of the others, ascending."""

    def __init__(self, world: Foundation, people: People) -> None:
        self._world, self._people = world, people
        store = world.store
        self.by_id = {row["id"]: Channel(**row) for row in store.load("channel")}
        self.posts: dict[int, dict[int, Post]] = {channel_id: {} for channel_id in self.by_id}
        self.live: dict[int, list[int]] = {channel_id: [] for channel_id in self.by_id}
        self.events: dict[int, list[ChannelEvent]] = {channel_id: [] for channel_id in self.by_id}
        for row in sorted(store.load("post"), key=lambda row: (row["channel_id"], row["id"])):
            self._take(Post(**row))
        for row in sorted(store.load("channel_event"), key=lambda row: row["pts"]):
            self.events[row["channel_id"]].append(ChannelEvent(**row))

    # --- channels

    def create(self, title: str, **facts: Any) -> Channel:
        """Create an empty channel; `facts` are attributes of Channel. Raises WorldError USERNAME_OCCUPIED."""
        channel_id = facts.pop("id", None) or max([FIRST_ID - 1, *self.by_id]) + 1
        facts = {"key": f"channel{channel_id}", "username": None, "about": "", "owner": None, **facts}
        if facts.get("username") and self._taken(facts["username"]):
            raise WorldError("USERNAME_OCCUPIED", "This name is taken.", 409)
        created = facts.pop("created", None) or self._world.clock.unix()
        channel = Channel(id=channel_id, title=title, created=created, **facts)
        channel.invite = channel.invite or secrets.token_urlsafe(12)
        self.by_id[channel_id] = channel
        self.posts[channel_id], self.live[channel_id], self.events[channel_id] = {}, [], []
        self.save(channel)
        return channel

    def get(self, reference: int | str) -> Channel:
        """The channel with an id, key or @name. Raises WorldError CHANNEL_INVALID."""
        wanted = str(reference).lstrip("@").lower()
        for channel in self.by_id.values():
            if wanted in (str(channel.id), channel.key.lower(), (channel.username or "").lower()):
                return channel
        raise WorldError("CHANNEL_INVALID", f"There is no channel {reference}.", 404)

    def named(self, username: str) -> Channel | None:
        wanted = username.lower()
        return next((each for each in self.by_id.values() if (each.username or "").lower() == wanted), None)

    def followed_by(self, person: Person) -> list[Channel]:
        """The channels that a person follows, the latest activity first."""
        mine = [channel for channel in self.by_id.values() if person.id in channel.members]
        return sorted(mine, key=self.last_date, reverse=True)

    def may_read(self, channel: Channel, person: Person) -> bool:
        return not channel.private or person.id in channel.members

    def last_date(self, channel: Channel) -> int:
        live = self.live[channel.id]
        return self.posts[channel.id][live[-1]].date if live else channel.created

    def save(self, channel: Channel) -> None:
        self._world.store.put("channel", channel.id, channel)

    # --- following

    def join(self, channel: Channel, person: Person) -> None:
        if person.id not in channel.members:
            channel.members.append(person.id)
            self._membership(channel, person)

    def leave(self, channel: Channel, person: Person) -> None:
        if person.id in channel.members:
            channel.members.remove(person.id)
            self._membership(channel, person)

    def set_private(self, channel: Channel, private: bool) -> None:
        """Make a channel private, which removes its @name and hides it from non-members, or public."""
        channel.private = private
        channel.username = None if private else channel.username
        self.save(channel)

    def rename(self, channel: Channel, title: str) -> Post:
        """Give a channel another title, which a service message tells its followers."""
        channel.title = title
        action = {"_": "MessageActionChatEditTitle", "title": title}
        return self.publish(channel, "", fields={"action": action})

    def change(self, channel: Channel, *, title: str | None = None, username: str | None = None) -> None:
        """Give a channel another title or @name; a name makes it public. Its members are sent updateChannel.

        Raises WorldError USERNAME_OCCUPIED.
        """
        if username and (channel.username or "").lower() != username.lower() and self._taken(username):
            raise WorldError("USERNAME_OCCUPIED", "This name is taken.", 409)
        channel.title = title or channel.title
        if username:
            channel.username, channel.private = username, False
        self.save(channel)
        self._world.hub.emit("channel_changed", channel=channel)

    # --- posts

    def publish(self, channel: Channel, text: str, **facts: Any) -> Post:
        """Publish a post, sent to followers at once; `facts` are attributes of Post.

        Raises WorldError MESSAGE_EMPTY, MESSAGE_TOO_LONG.
        """
        _check_text(text, needed=not (facts.get("photo") or facts.get("fields")))
        date = facts.pop("date", None) or self._world.clock.unix()
        post = Post(channel.id, channel.top_id + 1, text, date, **facts)
        self._take(post)
        self._world.store.put("post", f"{channel.id}:{post.id}", post)
        self._step(channel, "new", [post.id])
        self._world.hub.emit("post", channel=channel, post=post)
        return post

    def edit(self, channel: Channel, post_id: int, text: str, **facts: Any) -> Post:
        """Edit a post's text; `facts` are attributes of Post that change with it, as its `entities`.

        Raises WorldError MESSAGE_ID_INVALID, MESSAGE_NOT_MODIFIED, MESSAGE_EMPTY, MESSAGE_TOO_LONG.
        """
        _check_text(text, needed=True)
        post = self.post(channel, post_id)
        if post.text == text and all(getattr(post, name) == value for name, value in facts.items()):
            raise WorldError("MESSAGE_NOT_MODIFIED", "The text is the same.")
        post.text, post.edit_date, post.edit_hidden = text, self._world.clock.unix(), False
        for name, value in facts.items():
            setattr(post, name, value)
        self._world.store.put("post", f"{channel.id}:{post.id}", post)
        self._step(channel, "edit", [post.id])
        self._world.hub.emit("post_edited", channel=channel, post=post)
        return post

    def react(self, channel: Channel, post_id: int, emoji: str = "👍") -> Post:
        """Add a reaction: Telegram sends it as an edit with `edit_hide`, unless the post was edited before.

        Raises WorldError MESSAGE_ID_INVALID.
        """
        post = self.post(channel, post_id)
        post.reactions[emoji] = post.reactions.get(emoji, 0) + 1
        if post.edit_date is None or post.edit_hidden:
            post.edit_date, post.edit_hidden = self._world.clock.unix(), True
        self._world.store.put("post", f"{channel.id}:{post.id}", post)
        self._step(channel, "edit", [post.id])
        self._world.hub.emit("post_edited", channel=channel, post=post)
        return post

    def clear(self, channel: Channel) -> int:
        """Delete all posts, as clearing a channel's history does; returns their number."""
        ids = list(self.live[channel.id])
        for start in range(0, len(ids), 100):
            self.delete(channel, ids[start : start + 100])
        return len(ids)

    def delete(self, channel: Channel, post_ids: list[int]) -> list[int]:
        """Delete posts; returns the ids deleted. Unknown ids are ignored, as by Telegram."""
        gone = [post_id for post_id in post_ids if self._alive(channel, post_id)]
        for post_id in gone:
            post = self.posts[channel.id][post_id]
            post.deleted = True
            self.live[channel.id].remove(post_id)
            self._world.store.put("post", f"{channel.id}:{post.id}", post)
        if gone:
            self._step(channel, "delete", gone)
            self._world.hub.emit("post_deleted", channel=channel, ids=gone)
        return gone

    def post(self, channel: Channel, post_id: int) -> Post:
        if not self._alive(channel, post_id):
            raise WorldError("MESSAGE_ID_INVALID", "There is no such post.", 404)
        return self.posts[channel.id][post_id]

    def load_history(self, channel: Channel, posts: list[Post]) -> None:
        """Add posts from the past: without events, and with pts starting after them."""
        for post in sorted(posts, key=lambda post: post.id):
            self._take(post)
            self._world.store.put("post", f"{channel.id}:{post.id}", post)
        channel.pts += len(posts)
        channel.base_pts = channel.pts
        self.save(channel)

    # ---

    def _take(self, post: Post) -> None:
        channel = self.by_id[post.channel_id]
        self.posts[channel.id][post.id] = post
        channel.top_id = max(channel.top_id, post.id)
        if not post.deleted:
            self.live[channel.id].append(post.id)

    def _alive(self, channel: Channel, post_id: int) -> bool:
        live = self.live[channel.id]
        at = bisect_left(live, post_id)
        return at < len(live) and live[at] == post_id

    def _step(self, channel: Channel, kind: str, ids: list[int]) -> None:
        channel.pts += len(ids)
        event = ChannelEvent(channel.id, channel.pts, len(ids), kind, ids, self._world.clock.unix())
        self.events[channel.id].append(event)
        self._world.store.put("channel_event", f"{channel.id}:{event.pts}", event)
        self.save(channel)

    def _membership(self, channel: Channel, person: Person) -> None:
        self.save(channel)
        self._world.hub.emit("membership", channel=channel, person=person)

    def _taken(self, username: str) -> bool:
        return bool(self.named(username) or self._people.named(username))


def _check_text(text: str, *, needed: bool) -> None:
    if needed and not text.strip():
        raise WorldError("MESSAGE_EMPTY", "The text is empty.")
    if len(text) > LONGEST:
        raise WorldError("MESSAGE_TOO_LONG", f"A post has at most {LONGEST} characters.")
