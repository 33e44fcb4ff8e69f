"""Telegram's theme parameters as CSS variables, with fallbacks for those that Telegram does not give.

`assets/bridge.js` sets the `--tg-…` variables from the live theme; daisyUI's colours are derived from them.
"""

LIGHT = {
    "bg-color": "#ffffff",
    "secondary-bg-color": "#efeff4",
    "section-bg-color": "#ffffff",
    "text-color": "#000000",
    "hint-color": "#666b6f",
    "subtitle-text-color": "#666b6f",
    "section-header-text-color": "#666b6f",
    "link-color": "#007aff",
    "accent-text-color": "#007aff",
    "button-color": "#007aff",
    "button-text-color": "#ffffff",
    "destructive-text-color": "#d32f2f",
    "header-bg-color": "#ffffff",
    "section-separator-color": "rgba(0,0,0,.15)",
    "success-color": "#1fa94a",
}
DARK = {
    "bg-color": "#212121",
    "secondary-bg-color": "#0f0f0f",
    "section-bg-color": "#212121",
    "text-color": "#ffffff",
    "hint-color": "#aaaaaa",
    "subtitle-text-color": "#aaaaaa",
    "section-header-text-color": "#aaaaaa",
    "link-color": "#4aa8ff",
    "accent-text-color": "#4aa8ff",
    "button-color": "#2990ff",
    "button-text-color": "#ffffff",
    "destructive-text-color": "#ff5c57",
    "header-bg-color": "#212121",
    "section-separator-color": "rgba(255,255,255,.08)",
    "success-color": "#32e55e",
}
# Text variable → its background and the minimum contrast (WCAG: 4.5 for text, 3 for large text).
PAIRS = {
    "text-color": ("section-bg-color", 4.5),
    "hint-color": ("secondary-bg-color", 4.5),
    "subtitle-text-color": ("section-bg-color", 4.5),
    "section-header-text-color": ("secondary-bg-color", 4.5),
    "link-color": ("section-bg-color", 3.0),
    "accent-text-color": ("section-bg-color", 3.0),
    "button-text-color": ("button-color", 3.0),
    "destructive-text-color": ("section-bg-color", 4.5),
}
_DAISY = {
    "color-base-100": "section-bg-color",
    "color-base-200": "secondary-bg-color",
    "color-base-300": "section-separator-color",
    "color-base-content": "text-color",
    "color-primary": "button-color",
    "color-primary-content": "button-text-color",
    "color-accent": "accent-text-color",
    "color-success": "success-color",
    "color-error": "destructive-text-color",
}


def css() -> str:
    """The style sheet with both palettes and daisyUI's variables; unlayered, so it overrides daisyUI's."""
    daisy = "".join(f"--{name}:var(--tg-{source});" for name, source in _DAISY.items())
    return (
        f":root{{color-scheme:light;{_variables(LIGHT)}}}"
        f':root[data-theme="dark"]{{color-scheme:dark;{_variables(DARK)}}}'
        f":root[data-theme]{{{daisy}--radius-field:.75rem;--radius-box:.75rem;--depth:0;--noise:0}}"
    )


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio of two `#rrggbb` colours, 1…21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    said = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (each / 12.92 if each <= 0.03928 else ((each + 0.055) / 1.055) ** 2.4 for each in said)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _variables(palette: dict[str, str]) -> str:
    return "".join(f"--tg-{name}:{value};" for name, value in palette.items())
