"""The message that invites a person to the product, as if from its operator."""

from __future__ import annotations

from sandbox.world.model import Channel, Person
from sandbox.world.world import World

_WORDS = {
    "ru": (
        "Приглашение",
        "Привет, {name}! Я поднял Telegram Assistant: он отвечает на вопросы по каналам, которые вы читаете, "
        "и показывает, откуда взял ответ. Это приглашение для вас, на один раз:\n{link}",
    ),
    "en": (
        "Invitation",
        "Hi {name}! I have set up Telegram Assistant: it answers questions from the channels you read "
        "and shows where each answer comes from. This invitation is yours, for one use:\n{link}",
    ),
}


def deliver(world: World, links: dict[str, str]) -> int:
    """Send each person their link, unless it was the last message; returns the number of messages sent."""
    written = 0
    for key, link in links.items():
        person = world.people.get(key)
        title, words = _WORDS["ru" if person.language == "ru" else "en"]
        chat = _chat(world, person, title)
        last = world.channels.posts[chat.id].get(chat.top_id)
        if last is None or link not in last.text:
            world.channels.publish(chat, words.format(name=person.first_name, link=link))
            written += 1
    world.commit()
    return written


def _chat(world: World, person: Person, title: str) -> Channel:
    """The person's chat for invitations: a group, so that no list of channels contains it."""
    key = f"invitation-{person.key}"
    found = next((each for each in world.channels.by_id.values() if each.key == key), None)
    return found or world.channels.create(title, key=key, private=True, megagroup=True, members=[person.id])
