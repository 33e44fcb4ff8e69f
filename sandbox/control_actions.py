"""Queries and actions on a running sandbox: its addresses, faults, the clock, people's phones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sandbox.bot_api import inbox
from sandbox.faults import Cut, Failure, Faults
from sandbox.initdata import Launch, init_data, launch
from sandbox.install import HOME_DC, OTHER_DC
from sandbox.load import load_posts
from sandbox.phone_routes.devices import WARNING
from sandbox.violations import Violations
from sandbox.wire.server import WireServer
from sandbox.world.channels import Channels
from sandbox.world.model import AuthKey, BotMessage, Channel, LoginToken, Person
from sandbox.world.tokens import encode
from sandbox.world.world import World

HOST = "127.0.0.1"
PersonRef = int | str | Person


class Phone:
    """One person's phone, for tests; it can do only what a person could do by hand."""

    def __init__(self, world: World, person: Person) -> None:
        self._world, self.person = world, person

    def scan(self, token: bytes | str) -> AuthKey:
        """Scan a login QR with the in-app camera. Raises WorldError AUTH_TOKEN_* if it is not being shown."""
        key = self._world.keys.accept(self.person, token)
        self._world.commit()
        return key

    def open_link(self, url: str) -> str:
        """Open tg://login?token=…, which logs nothing in; returns the warning."""
        return WARNING[self.person.language]

    def send(self, text: str) -> BotMessage:
        """Write to the bot."""
        item = inbox.send(self._world, self.person, text)
        self._world.commit()
        return item

    async def press(self, message_id: int, data: str) -> inbox.CallbackAnswer:
        return await inbox.press(self._world, self.person, message_id, data)

    def messages(self) -> list[BotMessage]:
        """The bot's chat, oldest first."""
        return self._world.chats.messages(self.person)

    def init_data(self, start_param: str = "") -> str:
        """Fresh signed launch data."""
        return init_data(self._world, self.person, start_param=start_param)

    def open_web_app(self, url: str, **options: object) -> Launch:
        """The signed launch that a client opens for the Mini App; options as in phone_api.md."""
        return launch(self._world, self.person, url, dict(options))

    def set_password(self, password: str, hint: str = "") -> None:
        self._world.people.set_password(self.person, password, hint)
        self._world.commit()

    def clear_password(self) -> None:
        self._world.people.clear_password(self.person)
        self._world.commit()

    def sessions(self) -> list[AuthKey]:
        return self._world.keys.sessions(self.person)

    def terminate(self, key: AuthKey) -> None:
        """End a session, as Settings → Devices → terminate does."""
        self._world.keys.log_out(key)
        self._world.commit()


class Actions:
    """Facts about a running sandbox, and faults to inject."""

    def __init__(self, world: World, server: WireServer) -> None:
        self.world, self.server = world, server
        self.mtproto_port = self.bot_api_port = self.phone_port = 0  # set once they listen

    @property
    def install(self) -> dict[str, Any]:
        """The facts in install.json.

        Among them bot_token, bot_id, bot_username, api_id, api_hash, dc_id, rsa_key_file and
        init_data_public_key.
        """
        return self.world.install.facts

    @property
    def bot_api_url(self) -> str:
        return f"http://{HOST}:{self.bot_api_port}"

    @property
    def phone_url(self) -> str:
        """At localhost, so that the Mini App at 127.0.0.1 is a different site, as under web.telegram.org."""
        return f"http://localhost:{self.phone_port}"

    @property
    def violations(self) -> Violations:
        return self.world.violations

    @property
    def channels(self) -> Channels:
        return self.world.channels

    @property
    def faults(self) -> Faults:
        return self.world.faults

    def fail(self, method: str, failure: Failure, *, times: int = 1) -> None:
        """Answer the next calls of an RPC ("messages.getHistory") or bot method with a failure."""
        self.world.faults.fail(method, failure, times=times)

    def delay(self, method: str, seconds: float, *, times: int = 1) -> None:
        self.world.faults.delay(method, seconds, times=times)

    def cut(self, method: str, *, keep: int = 0, times: int = 1) -> None:
        """Make the next answers of a method that reads messages empty, or as short as `keep` messages."""
        self.world.faults.cuts[method] = Cut(times, keep)

    def lose_pushes(self, times: int) -> None:
        """Lose the next pushes of channels' events: clients learn of them by a gap, or when they ask."""
        self.world.faults.lost_pushes = times

    def load(self, path: Path, *, limit: int | None = None, followers: Sequence[str] = ()) -> list[Channel]:
        """Load a file of real posts as channels followed by the people named."""
        people = [self.world.people.get(each) for each in followers]
        return load_posts(self.world, path, limit=limit, followers=people)

    def phone(self, person: PersonRef) -> Phone:
        return Phone(self.world, self.world.people.get(person))

    def shown_codes(self) -> list[LoginToken]:
        """The login codes being shown."""
        return self.world.tokens.shown()

    def shown_urls(self) -> list[str]:
        return [f"tg://login?token={encode(token)}" for token in self.shown_codes()]

    def expire_codes(self) -> None:
        """Expire every QR code that is being shown."""
        self.world.tokens.expire_all()
        self.world.commit()

    def shift_clock(self, seconds: float) -> None:
        self.world.clock.shift(seconds)

    def drop_connections(self) -> None:
        """Break every MTProto connection; clients may reconnect at once."""
        self.server.drop_all()

    async def unreachable(self) -> None:
        """Close the ports and every connection: Telegram is down until `reachable`."""
        await self.server.stop()

    async def reachable(self) -> None:
        await self.server.start()

    def migrate(self, person: PersonRef, dc_id: int = OTHER_DC) -> None:
        """Move the account to another data centre: QR login answers LoginTokenMigrateTo."""
        found = self.world.people.get(person)
        found.dc_id = dc_id
        self.world.people.save(found)
        self.world.commit()

    def migrate_home(self, person: PersonRef) -> None:
        self.migrate(person, HOME_DC)

    def revoke(self, person: PersonRef, error: str = "SESSION_REVOKED") -> int:
        """End all sessions of a person with the given error; returns their number."""
        sessions = self.world.keys.sessions(self.world.people.get(person))
        for key in sessions:
            self.world.keys.log_out(key, error)
        self.world.commit()
        return len(sessions)

    def freeze(self, person: PersonRef, frozen: bool = True) -> None:
        """Freeze an account, or thaw it: its sessions live on, but nearly every method is refused."""
        found = self.world.people.get(person)
        found.frozen = frozen
        self.world.people.save(found)
        self.world.commit()

    def block_bot(self, person: PersonRef, blocked: bool = True) -> None:
        """Block the bot as the person, or unblock it."""
        inbox.block(self.world, self.world.people.get(person), blocked)
        self.world.commit()

    def duplicate_key(self, person: PersonRef) -> int:
        """Act as if another client had used the person's keys: from now on they get AUTH_KEY_DUPLICATED."""
        return self.revoke(person, "AUTH_KEY_DUPLICATED")

    def too_long(self, channel: int | str | None = None) -> None:
        """Make the next difference (a channel's, or for None the account's) answer "too long"."""
        self.world.faults.too_long.add(self.world.channels.get(channel).id if channel else 0)
