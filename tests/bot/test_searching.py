"""/search in the chat: a list with links and dates, turned by buttons, for the reader alone."""

import pytest

from tests.bot.chat import buttons, links
from tests.corpus import a_channel, a_reader, a_tenant
from tg_assistant.core.retrieval import indexing
from tg_assistant.texts import text

pytestmark = pytest.mark.usefixtures("bot")
POSTS = [
    "Ночной паром отходит в 23:40 от причала 4, <b>касса</b> & буфет закрыты.",
    *(f"Паром номер {n}: рейс по расписанию." for n in range(2, 14)),
    "Рецепт недели: суп из тыквы с имбирём.",
]


@pytest.fixture(scope="module")
async def reader(rt, telegram):
    """Anna follows a channel with fourteen posts; another one of the tenant she does not follow."""
    where = await a_tenant(rt)
    channel = await a_channel(rt, where, POSTS)
    await a_channel(rt, where, ["Код домофона на причале: 4711, паром."], number=2)
    await indexing.index_dirty(rt, where.id)
    return await a_reader(rt, where, telegram.phone("anna").person.id, [channel.id])


async def test_a_list_with_links_and_dates(reader, chat):
    """Best first, the words marked, the post's own markup as text, nothing of other channels."""
    answer = await chat("anna").says("/search ночной паром", contains="1. ", seconds=60)
    assert answer.text.startswith("ночной паром\n")
    assert "Channel 1" in answer.text and "<b>касса</b> & буфет" in answer.text and "4711" not in answer.text
    assert links(answer)[0] == "https://t.me/channel_1/1" and len(links(answer)) == 5
    bold = {
        answer.text[e["offset"] : e["offset"] + e["length"]] for e in answer.entities if e["type"] == "bold"
    }
    assert {"Ночной", "паром"} <= bold and "касса" not in bold


async def test_pages_turn_by_buttons(reader, chat):
    """On and back; each page names other posts, and the last has no way on."""
    anna = chat("anna")
    first = await anna.says("/search паром", contains="1. ", seconds=60)
    seen = set(links(first))
    forth, back = text("bot.button.next", "ru"), text("bot.button.previous", "ru")
    assert [each["text"] for each in buttons(first)] == [forth]
    second, _ = await anna.presses(first, forth, contains="6. ")
    assert "10. " in second and second.startswith("паром\n")
    message = anna.last()
    assert {each["text"] for each in buttons(message)} == {forth, back}
    assert len(seen) == 5 and not seen & set(links(message))
    third, _ = await anna.presses(message, forth, contains="11. ")
    assert "11. " in third and [each["text"] for each in buttons(anna.last())] == [back]


@pytest.mark.parametrize(
    ("words", "code"),
    [("", "bot.search.empty"), ("  ", "bot.search.empty"), ("!!!", "errors.search.empty")],
)
async def test_nothing_to_look_for(reader, chat, words, code):
    """A bare command says how to write it; signs alone are no words."""
    answer = await chat("anna").says(f"/search {words}")
    assert answer.text == text(code, "ru").replace("<code>", "").replace("</code>", "")


async def test_a_long_query_and_one_of_operators(reader, chat):
    """Refused in words, and taken as words."""
    refused = await chat("anna").says(f"/search {'паром ' * 200}")
    assert refused.text == text("errors.search.too_long", "ru", max=500)
    assert "1. " in (await chat("anna").says("/search паром' | & ! <-> \"", contains="1. ")).text


async def test_a_stranger_is_asked_for_an_invite(chat):
    """Searching needs a membership, as everything that reads does."""
    answer = await chat("max").says("/search ferry")
    assert answer.text == text("errors.access.no_membership", "en")
