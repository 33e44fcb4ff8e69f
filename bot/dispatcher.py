"""The dispatcher: identifies the sender, calls the first matching handler, handles its errors."""

from aiogram import Dispatcher

from bot import errors
from bot.actor_middleware import Meeting
from bot.bot_profile import Chats
from bot.handlers import (
    adding,
    admin,
    asking,
    channels,
    erasing,
    fallback,
    groups,
    passed_on,
    person,
    searching,
    sessions,
    start,
)
from bot.reading import Reading
from tg_assistant.infra.runtime import Runtime


def make_dispatcher(rt: Runtime) -> Dispatcher:
    """A dispatcher whose handlers get `rt` and `actor` by name. Routers are tried in the order listed."""
    dispatcher = Dispatcher(rt=rt, running=asking.Running(), disable_fsm=True)
    dispatcher.update.outer_middleware(Meeting(rt))
    dispatcher.update.outer_middleware(Chats(rt.settings))
    dispatcher.message.outer_middleware(Reading())
    dispatcher.include_routers(
        errors.make_router(),
        groups.make_router(),
        passed_on.make_router(),
        start.make_router(),
        person.make_router(),
        channels.make_router(),
        sessions.make_router(),
        admin.make_router(),
        erasing.make_router(),
        searching.make_router(),
        adding.make_router(),
        asking.make_router(),
        fallback.make_router(),
    )
    return dispatcher
