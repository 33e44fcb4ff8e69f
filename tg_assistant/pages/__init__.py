"""The screens; importing one registers it."""

from importlib import import_module

_SCREENS = ("landing", "home", "connect", "channels", "add_channels", "ask", "sessions")
_PANEL = ("overview", "people", "invites", "channels", "queue", "trail", "switches")


def load() -> None:
    """Register every screen with Reflex."""
    for name in (*_SCREENS, *(f"admin.{name}" for name in _PANEL)):
        import_module(f"{__name__}.{name}")
