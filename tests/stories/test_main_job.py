"""The four stories through every process, as two people live them."""

import pytest

from tests.phone import until
from tests.stories import journey


@pytest.fixture(scope="module")
async def anna(product):
    """Anna: invited, connected, following everything on her own list."""
    traveller = await journey.joins(product, "anna")
    assert await journey.connects(traveller) == "authorized"
    await journey.follows(traveller)
    return traveller


async def test_story_1_start_connects_the_own_account(product, anna):
    """From /start to a sealed session: the phone shows one device, the app one account."""
    me = await anna.rest("GET", "/api/users/me")
    sessions = await anna.rest("GET", "/api/users/me/sessions")
    assert me["role"] == "admin" and me["language"] == "ru"
    assert [account["status"] for account in sessions["telegram"]] == ["connected"]
    assert sessions["telegram"][0]["telegram_id"] == me["telegram_id"]
    assert len(await anna.phone.get("/devices")) == 1


async def test_story_2_history_and_live_posts_arrive(product, anna):
    """All history is there, and what the owner writes, edits and deletes now follows within seconds."""
    channel = next(
        c for c in (await anna.rest("GET", "/api/channels"))["items"] if c["title"].startswith("Садовая")
    )
    on_phone = next(c for c in await anna.phone.get("/channels") if c["title"] == channel["title"])
    place = f"/channels/{on_phone['id']}/posts"
    post = await anna.phone.post(
        place, text="Во вторник приедет лифтовый мастер Ефим Колосов, начало в 16:20."
    )
    words = "Когда приедет лифтовый мастер Колосов?"
    await _answers(anna, words, "16:20")
    await anna.phone.patch(
        f"{place}/{post['id']}", text="Во вторник приедет лифтовый мастер Ефим Колосов, начало в 18:45."
    )
    await _answers(anna, words, "18:45")
    await anna.phone.delete(f"{place}/{post['id']}")

    async def forgotten():
        return "18:45" not in (await anna.ask(words))["answer"]

    await until(forgotten, "the deleted post to be forgotten", 30)


async def _answers(traveller, question, fact):
    async def told():
        result = await traveller.ask(question)
        return result if fact in result["answer"] else None

    result = await until(told, f"an answer with {fact}", 30)
    assert result["sources"][0]["url"].startswith("https://t.me/")


async def test_story_3_the_same_question_at_three_doors(product, anna):
    """REST and bot give the same cited answer; a question without an answer is said to have none."""
    question = "Сколько стоит месячный проездной?"
    over_rest = await anna.ask(question)
    in_chat = await anna.phone.says(f"/ask {question}", contains="1")
    assert not over_rest["abstained"] and over_rest["sources"]
    assert "ЛумскТранс" in in_chat
    nothing = await anna.ask("Какой высоты гора Килиманджаро на Марсе?")
    assert nothing["abstained"] and not nothing["sources"]


async def test_story_4_max_joins_and_sees_nothing_of_annas(product, anna):
    """Max, a member of the same tenant, reaches none of Anna's channels, posts, sessions or answers."""
    max_ = await journey.joins(product, "max")
    assert (await max_.rest("GET", "/api/channels"))["items"] == []
    question = "Сколько стоит месячный проездной?"
    assert (await max_.ask(question))["abstained"]
    assert "ЛумскТранс" not in await max_.phone.says(question)
    hers = (await anna.rest("GET", "/api/channels"))["items"]
    post = (await anna.rest("GET", "/api/posts?limit=1"))["items"][0]
    account = (await anna.rest("GET", "/api/users/me/sessions"))["telegram"][0]
    for path in (f"/api/channels/{hers[0]['id']}", f"/api/posts/{post['id']}"):
        await max_.rest("GET", path, expect=404)
    await max_.rest("DELETE", f"/api/users/me/sessions/{account['id']}", expect=404)


async def test_a_code_scanned_by_the_wrong_person_links_nothing(product, anna):
    """Anna scans Max's code: his login fails in words, her phone shows no new device."""
    max_ = await journey.signs_in(product, product.phone("max"))
    before = await anna.phone.get("/devices")
    max_.phone = anna.phone
    assert await journey.connects(max_) == "failed"

    async def as_before():
        return await anna.phone.get("/devices") == before

    await until(as_before, "the key that was not kept to be logged out")


async def test_two_step_verification(product):
    """With 2FA on, the password goes through the second screen, once wrong and once right."""
    max_ = await journey.signs_in(product, product.phone("max"))
    await max_.phone.put("/two-factor", password="correct horse", hint="battery")
    assert await journey.connects(max_, password="correct horse") == "authorized"
    await max_.phone.delete("/two-factor")


async def test_logging_out_ends_the_session_at_telegram(product, anna):
    """Logging out in the app removes the device from the phone's list."""
    max_ = await journey.signs_in(product, product.phone("max"))
    account = (await max_.rest("GET", "/api/users/me/sessions"))["telegram"][0]
    await max_.rest("DELETE", f"/api/users/me/sessions/{account['id']}")

    async def gone():
        return await max_.phone.get("/devices") == []

    await until(gone, "the device to be gone")
