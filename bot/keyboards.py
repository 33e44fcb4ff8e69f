"""Buttons: their texts, their callback data, and the screens of the app they open."""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from aiogram.filters.callback_data import CallbackData
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup, WebAppInfo

from tg_assistant.core.channels.channels import Followed
from tg_assistant.settings.groups import Settings
from tg_assistant.texts import text

Place = Literal["", "channels", "channels/add", "connect", "sessions"]
PAGE = 8  # channels in one list
_TITLE = 40


class ChannelButton(CallbackData, prefix="ch"):
    """Data of a channel's button; `action`: show, pause, resume, ask_remove, remove."""

    action: str
    id: UUID


class ChannelsPage(CallbackData, prefix="chs"):
    page: int


class SearchPage(CallbackData, prefix="find"):
    """The offset of a page of search results; the query is in the message itself."""

    offset: int


class SessionButton(CallbackData, prefix="ses"):
    """Data of an account's button; `action`: ask, log_out, keep."""

    action: str
    id: UUID


class LanguageButton(CallbackData, prefix="lang"):
    code: str


class ErasureButton(CallbackData, prefix="del"):
    """`step`: 1 and 2 are the confirmations, 3 deletes the group as well, 0 cancels."""

    step: int


def rows(*buttons: InlineKeyboardButton | None) -> InlineKeyboardMarkup | None:
    """A keyboard with one button per row, skipping None; None if no button is left."""
    shown = [[button] for button in buttons if button is not None]
    return InlineKeyboardMarkup(inline_keyboard=shown) if shown else None


def button(code: str, language: str, data: CallbackData) -> InlineKeyboardButton:
    """A button with a text code. Raises ValueError if `data` packs to more than Telegram's 64 bytes."""
    return InlineKeyboardButton(text=text(code, language), callback_data=data.pack())


def app_url(settings: Settings, place: Place = "") -> str:
    """The address of a screen of the Mini App, ending in a slash."""
    return f"{settings.web.public_url}/tg/app/{place}{'/' if place else ''}"


def app_button(
    settings: Settings, code: str, language: str, place: Place = ""
) -> InlineKeyboardButton | None:
    """A button that opens a screen of the app; None for a development address: Telegram requires https."""
    url = app_url(settings, place)
    if not (url.startswith("https://") or settings.telegram.bot_api_base):
        return None
    return InlineKeyboardButton(text=text(code, language), web_app=WebAppInfo(url=url))


def channel_list(
    settings: Settings, followed: Sequence[Followed], page: int, language: str
) -> InlineKeyboardMarkup | None:
    """A button for each channel of one page, the page buttons, and one to add channels."""
    grid = [
        [
            InlineKeyboardButton(
                text=each.channel.title[:_TITLE],
                callback_data=ChannelButton(action="show", id=each.channel.id).pack(),
            )
        ]
        for each in followed[page * PAGE : (page + 1) * PAGE]
    ]
    turns = []
    if page:
        turns.append(button("bot.button.previous", language, ChannelsPage(page=page - 1)))
    if len(followed) > (page + 1) * PAGE:
        turns.append(button("bot.button.next", language, ChannelsPage(page=page + 1)))
    if turns:
        grid.append(turns)
    if add := app_button(settings, "bot.button.add_channels", language, "channels/add"):
        grid.append([add])
    return InlineKeyboardMarkup(inline_keyboard=grid) if grid else None


def channel_card(followed: Followed, language: str) -> InlineKeyboardMarkup | None:
    """Buttons to pause or resume, to remove, and to go back to the list."""

    def act(action: str) -> InlineKeyboardButton:
        return button(f"bot.button.{action}", language, ChannelButton(action=action, id=followed.channel.id))

    return rows(
        act("resume" if followed.subscription.paused else "pause"),
        act("ask_remove"),
        button("bot.button.back_to_channels", language, ChannelsPage(page=0)),
    )


def confirm_remove(channel_id: UUID, language: str) -> InlineKeyboardMarkup | None:
    """Buttons to confirm the removal or keep the channel, which shows its card again."""
    return rows(
        button("bot.button.remove", language, ChannelButton(action="remove", id=channel_id)),
        button("bot.button.keep", language, ChannelButton(action="show", id=channel_id)),
    )


def notification_button(settings: Settings, code: str, language: str) -> InlineKeyboardMarkup | None:
    """A button to the screen where the person can act on the notification; None if there is none."""
    if code in {"account.ended", "account.key_missing"}:
        return rows(app_button(settings, "bot.button.connect", language, "connect"))
    if code == "account.connected":
        return rows(app_button(settings, "bot.button.add_channels", language, "channels/add"))
    return None
