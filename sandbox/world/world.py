"""Everything that exists in this local Telegram, shared by all its interfaces."""

from __future__ import annotations

from pathlib import Path

from sandbox.world.bot import Bot
from sandbox.world.channels import Channels
from sandbox.world.chats import Chats
from sandbox.world.foundation import Foundation
from sandbox.world.keys import Keys
from sandbox.world.people import People
from sandbox.world.tokens import Tokens


class World(Foundation):
    """All parts of the world on their common base; parts that need others get them here."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir)
        self.people = People(self)
        self.channels = Channels(self, self.people)
        self.tokens = Tokens(self)
        self.keys = Keys(self, self.tokens)
        self.chats = Chats(self, self.people)
        self.bot = Bot(self)
