// Theme parameters this phone sends to Mini Apps: Telegram's own names and default colours.

const THEMES = {
  light: {
    bg_color: "#ffffff", secondary_bg_color: "#efeff4", section_bg_color: "#ffffff", header_bg_color: "#ffffff",
    bottom_bar_bg_color: "#ffffff", text_color: "#000000", hint_color: "#707579", subtitle_text_color: "#707579",
    section_header_text_color: "#707579", section_separator_color: "#d9d9d9", link_color: "#007aff",
    accent_text_color: "#007aff", button_color: "#007aff", button_text_color: "#ffffff", destructive_text_color: "#e53935",
  },
  dark: {
    bg_color: "#212121", secondary_bg_color: "#0f0f0f", section_bg_color: "#212121", header_bg_color: "#212121",
    bottom_bar_bg_color: "#212121", text_color: "#ffffff", hint_color: "#aaaaaa", subtitle_text_color: "#aaaaaa",
    section_header_text_color: "#aaaaaa", section_separator_color: "#2f2f2f", link_color: "#2990ff",
    accent_text_color: "#2990ff", button_color: "#2990ff", button_text_color: "#ffffff", destructive_text_color: "#e53935",
  },
};

export const themeParams = (theme) => THEMES[theme] ?? THEMES.light;

/** Black or white, whichever reads better on a "#rrggbb" colour. */
export function textOn(color) {
  const [r, g, b] = [1, 3, 5].map((i) => parseInt(color.slice(i, i + 2), 16));
  return 0.299 * r + 0.587 * g + 0.114 * b < 150 ? "#ffffff" : "#000000";
}
