"""The documented way to invites: the same commands as `tg-assistant invites`."""

from tg_assistant.cli.invites import app

if __name__ == "__main__":
    app()
