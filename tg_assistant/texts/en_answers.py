"""The sentences that answers consist of beside those of posts, in English."""

TEXTS: dict[str, str | dict[str, str]] = {
    "answer.thanks": "You are welcome. Ask me anything else.",
    "answer.afresh": "A new start. What would you like to know?",
    "answer.bye": "See you. I keep reading your channels.",
    "answer.hello": "Hello. I read your channels and answer from them. Ask, for example: “What is new today?”",
    "answer.assistant": "I am an assistant for your Telegram channels: I read the channels you chose, answer only "
    "from their posts, and show which posts an answer comes from. What the channels do not say I do not make up.\n"
    "You can ask: “What is new since yesterday?”, “How much is the ticket?”, “What is on this Saturday?”",
    "answer.incomplete": "About what? Name it, for example: “How much is the monthly ticket?” or “When does the "
    "bridge open?”",
    "answer.former": "Before that: {text}",
    "answer.may_have_changed": "It may have changed since.",
    "answer.head.news": {"one": "{span}: {n} post.", "other": "{span}: {n} posts."},
    "answer.head.main": {
        "one": "{span}: {n} post. The main one:",
        "other": "{span}: {n} posts. The main ones:",
    },
    "answer.head.agenda": {"one": "{span}: {n} post mentions it.", "other": "{span}: {n} posts mention it."},
    "answer.head.listing": {"one": "Found {n} post: {span}.", "other": "Found {n} posts: {span}."},
    "answer.more": {"one": "And {n} more.", "other": "And {n} more."},
    "answer.nothing_then": "Nothing found for that time ({span}).",
    "answer.nearest": "The nearest before, {day}: {text}",
}
