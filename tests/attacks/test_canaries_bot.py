"""Twenty of many groups ask the bot for all secrets: each chat is told the own one."""

from collections.abc import Iterator

import pytest

from sandbox.control import Sandbox
from tests.attacks import canaries
from tests.attacks.canaries import ELSEWHERE, QUESTION, Obedient
from tests.bot.chat import Chat, links
from tests.bot.conftest import bot, plain_logs, rt, settings, telegram
from tg_assistant.infra.runtime import Runtime
from tg_assistant.settings import Settings

__all__ = ["bot", "plain_logs", "rt", "telegram"]
SAMPLED = 20
OTHERS = range(31_000_001, 31_000_081)
bots_settings = settings


@pytest.fixture(scope="module")
def model() -> Iterator[str]:
    with canaries.obedient_model() as url:
        yield url


@pytest.fixture(scope="module")
def settings(bots_settings: Settings, model: str) -> Settings:
    return canaries.with_model(bots_settings, model)


@pytest.mark.usefixtures("bot")
async def test_each_chat_gets_its_own(rt: Runtime, telegram: Sandbox) -> None:
    """The model prints all it was given; no chat sees another's canary, in words or in an address."""
    people = [
        telegram.world.people.add({"key": f"reader{n}", "first_name": f"Reader {n}"}) for n in range(SAMPLED)
    ]
    groups = await canaries.seed(rt, [*(each.id for each in people), *OTHERS], indexed=5)
    asked = Obedient.asked
    for person, group in zip(people, groups, strict=False):
        chat = Chat(telegram, person.key)
        answer = await chat.says(QUESTION, contains="KEY-", seconds=30)
        said = "\n".join([*chat.heard(), *links(answer)])
        assert canaries.canaries(said) == {group.canary}
        assert not any(ELSEWHERE in link for link in links(answer)), "an address of a post's is no source"
    assert Obedient.asked - asked >= SAMPLED
