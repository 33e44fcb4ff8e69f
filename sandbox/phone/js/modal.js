// Popups, menus and short notices over the page, as the native ones of Telegram.
import { h, icon } from "./dom.js";

const layer = () => document.getElementById("layer");

/** Ask; resolves to the id of the pressed button, or null when dismissed.
 *  buttons: [{id, text, kind: "default" | "destructive" | "primary", testid}] */
export function popup({ title, text, buttons, testid = "popup", body }) {
  return new Promise((resolve) => {
    const done = (id) => {
      backdrop.remove();
      removeEventListener("keydown", onKey, true);
      resolve(id);
    };
    const onKey = (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      done(null);
    };
    const card = h("div", { class: "popup", role: "alertdialog", "aria-modal": "true", testid, tabindex: "-1" },
      title && h("h2", {}, title), text && h("p", {}, text), body,
      h("div", { class: "popup-buttons" }, buttons.map((b) =>
        h("button", { type: "button", class: `text-button ${b.kind ?? "default"}`, testid: b.testid ?? `popup-${b.id || b.text}`,
          onclick: () => done(b.id) }, b.text))));
    const backdrop = h("div", { class: "backdrop", onclick: (e) => e.target === backdrop && done(null) }, card);
    layer().append(backdrop);
    addEventListener("keydown", onKey, true);
    card.focus();
  });
}

export function confirm(session, { title, text, action, destructive = true, testid = "confirm" }) {
  return popup({
    title, text, testid: "confirm-popup",
    buttons: [
      { id: "cancel", text: session.t("cancel"), testid: "popup-cancel" },
      { id: "yes", text: action, kind: destructive ? "destructive" : "primary", testid },
    ],
  }).then((id) => id === "yes");
}

export function toast(text) {
  layer().querySelectorAll(".toast").forEach((old) => old.remove());
  const el = h("div", { class: "toast", role: "status", testid: "toast" }, text);
  layer().append(el);
  setTimeout(() => el.remove(), 3200);
}

/** A dropdown at a point or under an element. items: [{icon, text, run, destructive, testid}] (falsy ones skipped) */
export function menu(anchor, items) {
  const shown = items.filter(Boolean);
  const close = () => {
    cover.remove();
    removeEventListener("keydown", onKey, true);
  };
  const onKey = (event) => {
    if (event.key === "Escape") close();
  };
  const list = h("div", { class: "menu", role: "menu", testid: "menu" }, shown.map((item) =>
    h("button", { type: "button", role: "menuitem", class: item.destructive ? "destructive" : "", testid: item.testid,
      onclick: () => { close(); item.run(); } }, icon(item.icon, 20), h("span", {}, item.text))));
  const cover = h("div", { class: "menu-cover", onclick: close, oncontextmenu: (e) => { e.preventDefault(); close(); } }, list);
  layer().append(cover);
  addEventListener("keydown", onKey, true);
  place(list, anchor instanceof Element ? anchor.getBoundingClientRect() : anchor);
  list.querySelector("button")?.focus({ preventScroll: true });
}

function place(list, rect) {
  const { width, height } = list.getBoundingClientRect();
  const right = rect.right ?? rect.x;
  const bottom = rect.bottom ?? rect.y;
  const x = right - width > 8 && right > innerWidth / 2 ? right - width : (rect.left ?? rect.x);
  const y = bottom + height + 8 > innerHeight ? (rect.top ?? rect.y) - height : bottom;
  list.style.left = `${Math.max(8, Math.min(x, innerWidth - width - 8))}px`;
  list.style.top = `${Math.max(8, y)}px`;
}

export async function copy(session, text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h("textarea", { class: "offscreen", value: text });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  toast(session.t("copied"));
}
