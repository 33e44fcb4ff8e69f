// What Telegram draws around a Mini App: header with back and menu, bottom buttons, the minimised bar.
import { avatar, h, icon, iconButton, replace } from "./dom.js";
import { textOn, themeParams } from "./theme.js";

const HEX = /^#[0-9a-f]{6}$/i;

/** on: {back, close, minimize, restore, more(anchor), main, secondary} */
export function createChrome(app, on) {
  const { session, frame } = app;
  const { t, bot } = session;
  const back = h("button", { class: "icon-button", type: "button", testid: "back-button", "aria-label": t("back"), hidden: true,
    onclick: on.back }, icon("back"));
  const close = iconButton("close", t("close"), { testid: "webapp-close", onclick: on.close });
  const more = iconButton("more", t("more"), { testid: "webapp-menu", onclick: () => on.more(more) });
  const header = h("header", { class: "bar webapp-bar", testid: "webapp-header" }, close, back,
    h("div", { class: "bar-text" }, h("b", {}, bot.first_name), h("small", {}, t("miniApp"))), more);
  const cover = h("div", { class: "webapp-loading" }, avatar(bot.first_name, bot.id, 72, "bot"), h("span", { class: "spinner" }));
  const body = h("div", { class: "webapp-body" }, frame, cover);
  const main = bottomButton("main-button", on.main);
  const secondary = bottomButton("secondary-button", on.secondary);
  const bottom = h("footer", { class: "webapp-bottom", hidden: true }, secondary.el, main.el);
  const haptic = h("output", { class: "haptic", testid: "haptics", "data-count": "0", "aria-hidden": "true" }, icon("pulse", 16), h("span", {}));
  const sheet = h("div", { class: "webapp", role: "dialog", "aria-label": bot.first_name, testid: "webapp" }, header, body, bottom, haptic);
  const bar = h("button", { class: "webapp-minimized", type: "button", testid: "webapp-restore", onclick: on.restore },
    icon("app", 20), h("span", {}, bot.first_name), h("span", { class: "x", role: "button", "aria-label": t("close"), onclick: (event) => {
      event.stopPropagation();
      on.close();
    } }, icon("close", 18)));
  const el = h("div", { class: "webapp-layer" }, h("div", { class: "webapp-shade", onclick: on.minimize }), sheet, bar);
  const colors = { header: "header_bg_color", background: "bg_color", bottom: "bottom_bar_bg_color" };
  const chrome = { el, colors, main, secondary };
  chrome.repaint = () => paint(app, colors, { header, body, cover, bottom });
  chrome.back = (shown) => { back.hidden = !shown; close.hidden = shown; };
  chrome.loaded = () => cover.classList.add("gone");
  chrome.layout = () => {
    bottom.hidden = main.el.hidden && secondary.el.hidden;
    const place = secondary.el.hidden ? "left" : (secondary.position ?? "left");
    bottom.className = `webapp-bottom place-${place}`;
  };
  chrome.pulse = (count, words) => {
    haptic.dataset.count = String(count);
    haptic.dataset.last = words;
    replace(haptic.lastChild, words);
    haptic.classList.remove("beat");
    void haptic.offsetWidth; // restarts the animation
    haptic.classList.add("beat");
  };
  chrome.repaint();
  return chrome;
}

function paint({ session }, colors, parts) {
  const params = themeParams(session.person.theme);
  const value = (color) => (HEX.test(color) ? color : (params[color] ?? params.bg_color));
  for (const [part, color] of [["header", value(colors.header)], ["bottom", value(colors.bottom)]]) {
    parts[part].style.background = color;
    parts[part].style.color = textOn(color);
  }
  parts.body.style.background = value(colors.background);
  parts.cover.style.background = value(colors.background);
}

function bottomButton(testid, press) {
  const label = h("span", {});
  const el = h("button", { type: "button", class: "bottom-button", testid, hidden: true, onclick: press }, label, h("i", { class: "spinner" }));
  const button = {
    el, position: "left",
    set(data) {
      el.hidden = !data.is_visible;
      if (data.position) button.position = data.position;
      if (!data.is_visible) return;
      label.textContent = data.text ?? "";
      el.disabled = data.is_active === false;
      el.classList.toggle("progress", Boolean(data.is_progress_visible));
      el.classList.toggle("shine", Boolean(data.has_shine_effect));
      if (HEX.test(data.color)) el.style.background = data.color;
      if (HEX.test(data.text_color)) el.style.color = data.text_color;
    },
  };
  return button;
}
