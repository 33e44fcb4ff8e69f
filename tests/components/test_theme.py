"""Colours come from Telegram's theme; the fallbacks are readable."""

import pytest

from tg_assistant import theme


@pytest.mark.parametrize("palette", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
@pytest.mark.parametrize("name", sorted(theme.PAIRS))
def test_fallback_texts_are_readable(palette: dict[str, str], name: str) -> None:
    """Each text colour has the contrast it needs on its ground."""
    ground, least = theme.PAIRS[name]
    assert theme.contrast(palette[name], palette[ground]) >= least


def test_contrast_is_wcag() -> None:
    """Black on white is 21, a colour on itself 1."""
    assert theme.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert theme.contrast("#3390ec", "#3390ec") == 1


def test_both_palettes_name_the_same_colours() -> None:
    """A colour missing in the dark would fall back to the light one."""
    assert theme.LIGHT.keys() == theme.DARK.keys()


def test_daisy_colours_follow_telegrams() -> None:
    """daisyUI's variables point at Telegram's, so a live theme change reaches them."""
    assert "--color-primary:var(--tg-button-color)" in theme.css()
    assert "--color-base-content:var(--tg-text-color)" in theme.css()
