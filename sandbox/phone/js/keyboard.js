// Buttons a bot hangs under its messages and above the composer.
import { h, icon } from "./dom.js";
import { openUrl } from "./links.js";
import { copy, popup, toast } from "./modal.js";

const KIND_ICONS = { url: "forward", web_app: "app", copy_text: "copy" };
const kindOf = (button) => Object.keys(KIND_ICONS).find((kind) => button[kind] !== undefined);

async function callback(session, message, button, el) {
  el.classList.add("loading");
  try {
    const answer = await session.api.callback(message.id, button.callback_data);
    if (answer.url) await openUrl(session, answer.url);
    else if (answer.text && answer.show_alert)
      await popup({ text: answer.text, testid: "callback-alert", buttons: [{ id: "ok", text: session.t("ok"), kind: "primary" }] });
    else if (answer.text) toast(answer.text);
  } catch (error) {
    toast(error.code === "BOT_TIMEOUT" ? session.t("botSilent") : session.words(error));
  } finally {
    el.classList.remove("loading");
  }
}

function press(session, message, button, el) {
  if (button.callback_data !== undefined) return callback(session, message, button, el);
  if (button.web_app) return session.webApp.open({ source: "inline", url: button.web_app.url });
  if (button.copy_text) return copy(session, button.copy_text.text);
  if (button.url) return openUrl(session, button.url);
  return toast(session.t("unsupported"));
}

export function inlineKeyboard(session, message) {
  const rows = message.reply_markup?.inline_keyboard;
  if (!rows?.length) return null;
  return h("div", { class: "inline-keyboard" }, rows.map((row) =>
    h("div", { class: "keyboard-row" }, row.map((button) => {
      const kind = kindOf(button);
      const el = h("button", { type: "button", testid: "inline-button", "data-kind": kind ?? "callback",
        onclick: () => press(session, message, button, el) }, h("span", {}, button.text),
      kind && icon(KIND_ICONS[kind], 13));
      return el;
    }))));
}

/** The keyboard that replaces typing; on.text(text) sends a plain button's words. */
export function replyKeyboard(session, markup, on) {
  if (!markup?.keyboard) return null;
  return h("div", { class: "reply-keyboard", testid: "reply-keyboard" }, markup.keyboard.map((row) =>
    h("div", { class: "keyboard-row" }, row.map((raw) => {
      const button = typeof raw === "string" ? { text: raw } : raw;
      const run = () => (button.web_app
        ? session.webApp.open({ source: "keyboard", url: button.web_app.url, button_text: button.text })
        : on.text(button.text));
      return h("button", { type: "button", testid: "reply-button", onclick: run }, button.text);
    }))));
}
