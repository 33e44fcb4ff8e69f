"""What the schema shows of the caller's sign-ins and Telegram accounts."""

from datetime import datetime
from uuid import UUID

import strawberry

from tg_assistant.models import Account, AppSession


@strawberry.type(description="A sign-in to this app.")
class AppSignIn:
    id: UUID
    device: str
    created_at: datetime
    last_seen_at: datetime
    current: bool

    @classmethod
    def of(cls, row: AppSession, current: UUID | None) -> "AppSignIn":
        """`current` is the session of this very request."""
        own = row.model_dump(include=set(cls.__annotations__) - {"current"})
        return cls(**own, current=row.id == current)


@strawberry.type(description="A linked Telegram account.")
class TelegramAccount:
    id: UUID
    telegram_id: str
    status: str
    device: str
    connected_at: datetime

    @classmethod
    def of(cls, row: Account) -> "TelegramAccount":
        """Never with its session: that leaves the database for ingest alone."""
        own = row.model_dump(include=set(cls.__annotations__) - {"telegram_id"})
        return cls(**own, telegram_id=str(row.telegram_id))


@strawberry.type(description="Where the caller is signed in, and which account is linked.")
class Sessions:
    app: list[AppSignIn]
    telegram: list[TelegramAccount]
