"""The Mini App's sentences in English: short, second person, sentence case."""

TEXTS: dict[str, str | dict[str, str]] = {
    "app.name": "Channel Assistant",
}
