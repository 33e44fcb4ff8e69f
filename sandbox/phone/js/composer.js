// The line one writes in, with what hangs on it: a quoted or edited message, and the bot's own buttons.
import { h, icon, iconButton, replace } from "./dom.js";
import { toast } from "./modal.js";

const LIMIT = 4096; // characters in one Telegram message; clients cut longer ones themselves

export function cut(text) {
  const parts = [];
  for (let rest = text; rest; ) {
    const space = rest.length > LIMIT ? rest.lastIndexOf(" ", LIMIT) : -1;
    const at = rest.length <= LIMIT ? rest.length : space > LIMIT / 2 ? space : LIMIT;
    parts.push(rest.slice(0, at).trim());
    rest = rest.slice(at);
  }
  return parts.filter(Boolean);
}

/** send(text, {about}) must throw when nothing was sent: the text then stays. left/inside: nodes beside the field. */
export function createComposer(session, { placeholder, send, left, inside, onslash }) {
  const field = h("textarea", { class: "field", rows: 1, placeholder, testid: "composer", "aria-label": placeholder });
  const submit = h("button", { class: "send", type: "button", testid: "send", "aria-label": session.t("send"), disabled: true },
    icon("send", 24));
  const quote = h("div", { class: "quote", hidden: true });
  const below = h("div", { class: "below" });
  const el = h("footer", { class: "composer" }, h("div", { class: "composer-line" }, left,
    h("div", { class: "composer-box" }, quote, h("div", { class: "field-line" }, field, inside)), submit), below);
  let about = null;
  let sending = false;

  const fit = () => {
    field.style.height = "auto";
    field.style.height = `${Math.min(field.scrollHeight, 160)}px`;
    submit.disabled = !field.value.trim();
    onslash?.(field.value);
  };
  const quoting = (subject) => {
    const wasEdit = about?.edit;
    about = subject;
    quote.hidden = !subject;
    replace(quote, subject && [icon(subject.edit ? "edit" : "reply", 20),
      h("span", {}, h("b", {}, subject.title), h("small", {}, subject.text)),
      iconButton("close", session.t("cancel"), { testid: "quote-cancel", onclick: () => quoting(null) })]);
    if (subject?.edit) field.value = subject.text;
    else if (wasEdit) field.value = "";
    fit();
    if (subject) field.focus();
  };
  const go = async () => {
    const text = field.value.trim();
    if (!text || sending) return;
    sending = true;
    const subject = about;
    try {
      field.value = "";
      about = null;
      fit();
      await send(text, subject);
      if (!about) quoting(null);
    } catch (error) {
      field.value = field.value || text;
      about = subject;
      fit();
      toast(session.words(error));
    } finally {
      sending = false;
    }
  };
  field.addEventListener("input", fit);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && about) quoting(null);
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    go();
  });
  submit.addEventListener("click", go);
  return {
    el, below, quoting,
    set: (text) => { field.value = text; fit(); field.focus(); },
    focus: () => matchMedia("(pointer: fine)").matches && field.focus({ preventScroll: true }),
  };
}
