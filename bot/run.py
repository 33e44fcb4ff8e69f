"""All concurrent work of the bot process, until SIGTERM or SIGINT."""

import asyncio
import signal
from collections.abc import Mapping
from contextlib import suppress
from functools import partial

from bot import bot_profile, polling, webhook
from bot.dispatcher import make_dispatcher
from bot.notifier import Notifier
from bot.telegram import Contact, open_bot
from bot.update_worker import Processor
from tg_assistant.core import health
from tg_assistant.infra.health import database_answers, serve_health
from tg_assistant.infra.postgres.advisory_locks import take_turns
from tg_assistant.infra.runtime import Runtime


async def run(rt: Runtime) -> None:
    """Work until SIGTERM or SIGINT. Unfinished work is repeated after the next start."""
    working = asyncio.create_task(work(rt))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, working.cancel)
    with suppress(asyncio.CancelledError):
        await working


async def work(rt: Runtime) -> None:
    """Receive, process and notify until cancelled; any number of processes may run this."""
    contact = Contact()
    async with open_bot(rt.settings, contact) as bot, asyncio.TaskGroup() as all_:
        processor = Processor(rt, bot, make_dispatcher(rt))
        notifier = Notifier(rt, bot)
        all_.create_task(bot_profile.until_done(rt.settings, bot, contact))
        receive = webhook.serve if rt.settings.telegram.bot_mode == "webhook" else polling.poll
        all_.create_task(receive(rt, bot))
        all_.create_task(take_turns(rt.db.url, "bot.updates", processor.run))
        all_.create_task(take_turns(rt.db.url, "bot.notifications", notifier.run))
        at = rt.settings
        if at.health_port is not None:
            check, live = partial(_check, rt, contact), rt.pulse.live
            all_.create_task(serve_health(at.health_port, check, live=live, host=at.health_host))


async def _check(rt: Runtime, contact: Contact) -> Mapping[str, bool]:
    called = (
        rt.settings.telegram.bot_mode == "webhook"
    )  # Telegram calls us, so a recent call of ours proves nothing
    telegram = contact.announced and (called or contact.recent())
    if not await database_answers(rt.db):
        return {"database": False, "telegram": telegram}
    return {"database": True, "telegram": telegram, **await health.bot_keeps_up(rt)}
