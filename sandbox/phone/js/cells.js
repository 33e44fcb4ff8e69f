// Rows, cards and controls that the settings screens are made of.
import { h, icon } from "./dom.js";

export function page(session, title, back, ...content) {
  return h("div", { class: "pane settings-pane" },
    h("header", { class: "bar" },
      h("a", { class: "icon-button", href: session.href(back), testid: "settings-back", "aria-label": session.t("back") }, icon("back")),
      h("div", { class: "bar-text" }, h("b", { class: "bar-title" }, title))),
    h("div", { class: "settings-scroll" }, content));
}

export const card = (head, hint, ...cells) => h("section", { class: "group" }, head && h("h3", {}, head),
  h("div", { class: "card" }, cells), hint && h("p", { class: "hint" }, hint));

/** props: {icon, tone, title, note, value, href, testid, run, destructive, right} */
export function cell(props) {
  const tag = props.href ? "a" : props.run ? "button" : "div";
  return h(tag, { class: `cell ${props.destructive ? "destructive" : ""}`, href: props.href, testid: props.testid,
    type: tag === "button" ? "button" : null, onclick: props.run },
  props.icon && h("span", { class: `cell-icon icon-${props.tone ?? "blue"}` }, icon(props.icon, 20)),
  h("span", { class: "cell-text" }, h("b", {}, props.title), props.note && h("small", {}, props.note)),
  props.value && h("span", { class: "cell-value" }, props.value), props.right,
  props.href && h("span", { class: "cell-arrow" }, icon("chevron", 18)));
}

/** choices: [{id, text, testid}] */
export function segmented(choices, chosen, pick) {
  return h("div", { class: "segmented", role: "radiogroup" }, choices.map((choice) =>
    h("button", { type: "button", role: "radio", "aria-checked": String(choice.id === chosen), testid: choice.testid,
      class: choice.id === chosen ? "chosen" : "", onclick: () => pick(choice.id) }, choice.text)));
}

export const input = (label, props) => h("label", { class: "input" }, h("span", {}, label), h("input", { autocomplete: "off", ...props }));
