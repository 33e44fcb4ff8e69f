// One message or post as a bubble: text, pictures, forward line, marks, buttons.
import { h, icon } from "./dom.js";
import { clock, compact, fullDate, richText } from "./format.js";
import { menu } from "./modal.js";

const LONG_PRESS = 450; // ms

function marks(session, item) {
  return h("span", { class: "marks", title: fullDate(item.date, session.language) },
    item.views > 0 && h("span", { class: "views" }, icon("eye", 14), compact(item.views)),
    item.edit_date && h("span", { class: "edited", testid: "edited", title: fullDate(item.edit_date, session.language) },
      session.t("edited")),
    h("time", { datetime: new Date(item.date * 1000).toISOString() }, clock(item.date, session.language)),
    item.out && icon("check", 15));
}

function forwardLine(session, forward, on) {
  if (!forward) return null;
  const open = () => on.forward?.(forward);
  return h("div", { class: "forward" }, session.t("forwardedFrom"), " ",
    h("button", { type: "button", class: "plain", onclick: open }, forward.title));
}

/** Right click, or a long press on glass, opens the same menu. */
export function withMenu(el, items) {
  let timer;
  const open = (x, y) => menu({ x, y, left: x, top: y }, items());
  el.addEventListener("contextmenu", (event) => {
    event.preventDefault();
    open(event.clientX, event.clientY);
  });
  el.addEventListener("touchstart", (event) => {
    const touch = event.touches[0];
    timer = setTimeout(() => open(touch.clientX, touch.clientY), LONG_PRESS);
  }, { passive: true });
  for (const type of ["touchend", "touchmove", "touchcancel"])
    el.addEventListener(type, () => clearTimeout(timer), { passive: true });
  return el;
}

/** parts: {item, author?, media?, reply?, keyboard?, side?, menu(), on: {url, command, forward}, testid} */
export function bubble(session, parts) {
  const { item } = parts;
  const text = item.text ? richText(item.text, item.entities, parts.on) : null;
  const body = h("div", { class: `bubble ${parts.media ? "with-media" : ""} ${text ? "" : "no-text"}` },
    parts.author && h("div", { class: "author" }, parts.author),
    forwardLine(session, item.forward, parts.on), parts.reply, parts.media,
    h("div", { class: "text" }, text, marks(session, item)));
  if (parts.menu) withMenu(body, parts.menu);
  return h("article", { class: `row ${item.out ? "out" : "in"} ${parts.keyboard ? "has-keyboard" : ""}`, testid: parts.testid,
    "data-id": item.id }, h("div", { class: "stack" }, body, parts.keyboard), parts.side);
}

const SHADES = [
  ["#f7b267", "#f25c54", "#5b2a86"], ["#89d2dc", "#6564db", "#232ed1"], ["#c9e4ca", "#87bba2", "#364958"],
  ["#ffd6a5", "#ff9b85", "#aa6373"], ["#bde0fe", "#6d9dc5", "#33415c"], ["#f4d58d", "#bf0603", "#3d0814"],
  ["#d8f3dc", "#52b788", "#1b4332"],
];

/** The sandbox keeps no pictures of posts: a landscape drawn from the post's own number stands in. */
export function drawnPhoto(seed, label) {
  const [sky, hill, near] = SHADES[seed % SHADES.length];
  const svg = (name, attributes, ...children) => {
    const el = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [k, v] of Object.entries(attributes)) el.setAttribute(k, v);
    el.append(...children);
    return el;
  };
  const wave = (y, swing) => `M0 ${y} C 80 ${y - swing} 130 ${y + swing} 200 ${y - swing / 2} S 340 ${y + swing} 400 ${y - swing} V 300 H 0 Z`;
  const turn = (seed * 37) % 60;
  return svg("svg", { viewBox: "0 0 400 300", class: "drawn", role: "img", "aria-label": label, preserveAspectRatio: "xMidYMid slice" },
    svg("rect", { width: 400, height: 300, fill: sky }),
    svg("circle", { cx: 70 + ((seed * 53) % 260), cy: 70 + turn / 2, r: 28 + (seed % 3) * 8, fill: "#fff", opacity: ".75" }),
    svg("path", { d: wave(170 + turn / 3, 30 + turn / 2), fill: hill, opacity: ".8" }),
    svg("path", { d: wave(220, 22 + turn / 3), fill: near, opacity: ".75" }),
    svg("path", { d: wave(262, 12), fill: near }));
}

export function albumOf(session, items) {
  const photos = items.filter((item) => item.photo);
  if (!photos.length) return null;
  const label = session.t("photo");
  return h("div", { class: `album count-${Math.min(photos.length, 4)}`, testid: photos.length > 1 ? "album" : "photo" },
    photos.map((item) => h("div", { class: "tile" }, drawnPhoto(item.id, label))));
}
