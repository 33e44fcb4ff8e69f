"""The screens; importing one registers it."""

from importlib import import_module

_SCREENS = ("landing", "home", "connect", "channels", "add_channels", "ask", "sessions")


def load() -> None:
    """Register every screen with Reflex."""
    for name in _SCREENS:
        import_module(f"{__name__}.{name}")
