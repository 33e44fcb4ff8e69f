"""What the schema shows of a post's words: formatting, parts, earlier versions."""

from datetime import datetime
from typing import Any

import strawberry

from tg_assistant.models import Post, PostVersion


@strawberry.type(description="Formatting, in UTF-16 code units; `kind` as in the Bot API.")
class Entity:
    kind: str
    offset: int
    length: int
    url: str | None = None
    language: str | None = None


@strawberry.type(description="Something to read besides a post's text; `text` says where it is from.")
class Part:
    origin: str
    text: str


@strawberry.type(description="An earlier text of an edited post.")
class Version:
    version: int
    text: str
    entities: list[Entity]
    parts: list[Part]
    saved_at: datetime

    @classmethod
    def of(cls, version: PostVersion) -> "Version":
        """A text a post had before it was edited."""
        own: dict[str, Any] = version.model_dump(include={"version", "text", "saved_at"})
        return cls(**own, entities=entities(version), parts=parts(version))


def entities(of: Post | PostVersion) -> list[Entity]:
    """The formatting; of posts read before it was stored, none."""
    known = Entity.__annotations__
    return [Entity(**{name: each[name] for name in known if name in each}) for each in of.entities or []]


def parts(of: Post | PostVersion) -> list[Part]:
    """What can be read besides the text."""
    return [Part(**each) for each in of.parts]
