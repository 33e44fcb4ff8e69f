"""`python -m tg_assistant.cli` for places that have the interpreter but not the entry point on their path."""

from tg_assistant.cli import app

app()
