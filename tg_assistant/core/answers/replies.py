"""Replies that need no posts: to a greeting, to a question about the assistant, and a question back."""

from tg_assistant.core.answers import intents
from tg_assistant.core.answers.composing import Draft
from tg_assistant.core.answers.intents import Intent
from tg_assistant.core.answers.question import Understood
from tg_assistant.texts import text as say


def reply(asked: Understood, language: str) -> Draft:
    """Return the reply to a question that `searches` nothing."""
    code = intents.talk(asked.text) if asked.intent is Intent.small_talk else asked.intent
    return Draft(say(f"answer.{code}", language), [])
