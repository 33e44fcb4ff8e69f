"""Known-item questions: each is the first line of a post, which the answer should cite."""

import random
from typing import Any

from tg_assistant.demo.smoke.rest import Rest

COUNT = 20
NEEDED = 16
_FIRST_LINE = range(25, 160)  # characters: long enough to be meaningful
_REST = 120  # characters that must follow, or the line is the whole post


async def ask_known_items(rest: Rest) -> dict[str, Any]:
    """Ask COUNT questions over REST; returns the number that cited the right post, and those that did not."""
    questions = await _choose(rest)
    wrong = []
    for question, link in questions:
        result = await rest.ask(question)
        if link not in [source["url"] for source in result["sources"]]:
            wrong.append({"question": question, "expected": link, "abstained": result["abstained"]})
    return {"asked": len(questions), "right": len(questions) - len(wrong), "needed": NEEDED, "wrong": wrong}


async def _choose(rest: Rest) -> list[tuple[str, str]]:
    """(first line, link) of posts from all channels in turn; the same selection in each run."""
    pools = [await _candidates(rest, channel["id"]) for channel in await rest.phone("GET", "/channels")]
    chance = random.Random(2026)  # noqa: S311 - a fixed sample, not a secret  # nosec B311
    for pool in pools:
        chance.shuffle(pool)
    rows = [pool[turn] for turn in range(COUNT) for pool in pools if turn < len(pool)]
    return rows[:COUNT]


async def _candidates(rest: Rest, channel_id: int) -> list[tuple[str, str]]:
    page = await rest.phone("GET", f"/channels/{channel_id}/posts?limit=100")
    found = []
    for post in page["posts"]:
        first, _, after = post["text"].partition("\n")
        question = first.strip("*_ #\t")
        if len(question) in _FIRST_LINE and len(after) >= _REST and post["link"]:
            found.append((question, post["link"]))
    return found
