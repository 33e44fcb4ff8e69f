// Elements without a framework: content always becomes text nodes, never markup.

const SVG = "http://www.w3.org/2000/svg";

function append(el, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    el.append(child instanceof Node ? child : String(child));
  }
}

function apply(el, key, value) {
  if (value === null || value === undefined || value === false) return;
  if (key === "class") el.className = value;
  else if (key === "testid") el.dataset.testid = value;
  else if (key === "style") for (const [k, v] of Object.entries(value)) el.style.setProperty(k, v);
  else if (key.startsWith("on")) el.addEventListener(key.slice(2), value);
  else if (key === "value") el.value = value;
  else el.setAttribute(key, value === true ? "" : value);
}

/** h("button", {class, testid, onclick, …attributes}, "text", node, [nodes]) */
export function h(tag, props, ...children) {
  const el = document.createElement(tag);
  for (const [key, value] of Object.entries(props ?? {})) apply(el, key, value);
  append(el, children);
  return el;
}

export function replace(el, ...children) {
  el.replaceChildren();
  append(el, children);
  return el;
}

/** Collects what a view must undo when it goes. */
export function scope() {
  const undo = [];
  return {
    add: (...fns) => undo.push(...fns),
    timer: (fn, ms) => {
      const id = setInterval(fn, ms);
      undo.push(() => clearInterval(id));
    },
    listen: (target, type, fn, options) => {
      target.addEventListener(type, fn, options);
      undo.push(() => target.removeEventListener(type, fn, options));
    },
    end: () => undo.splice(0).forEach((fn) => fn()),
  };
}

const ICONS = {
  back: "M19 12H5m6-7-7 7 7 7",
  close: "M6 6l12 12M18 6 6 18",
  search: "M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13Zm5 11.5L20 20",
  lines: "M4 7h16M4 12h16M4 17h16",
  more: "M12 5.2v.1M12 12v.1M12 18.8v.1",
  send: "M4 12 3.5 4.6 21 12 3.5 19.4 4 12Zm0 0h8",
  slash: "M14.5 6 9.5 18M4 8.5A4.5 4.5 0 0 1 8.5 4h7A4.5 4.5 0 0 1 20 8.5v7a4.5 4.5 0 0 1-4.5 4.5h-7A4.5 4.5 0 0 1 4 15.5Z",
  gear: "M12 9a3 3 0 1 1 0 6 3 3 0 0 1 0-6Zm-1.7-5.5h3.4l.5 2.3 1.7 1 2.3-.7 1.7 3-1.8 1.6v2l1.8 1.6-1.7 3-2.3-.7-1.7 1-.5 2.3h-3.4l-.5-2.3-1.7-1-2.3.7-1.7-3 1.8-1.6v-2L4.1 9.1l1.7-3 2.3.7 1.7-1Z",
  devices: "M3 6.5A1.5 1.5 0 0 1 4.5 5h13A1.5 1.5 0 0 1 19 6.5V8M3 6.5V16h10M2 19h11M16 10.5h4.5a1 1 0 0 1 1 1V18a1 1 0 0 1-1 1H16a1 1 0 0 1-1-1v-6.5a1 1 0 0 1 1-1Z",
  desktop: "M4.5 5h15A1.5 1.5 0 0 1 21 6.5v8a1.5 1.5 0 0 1-1.5 1.5h-15A1.5 1.5 0 0 1 3 14.5v-8A1.5 1.5 0 0 1 4.5 5ZM9 20h6m-3-4v4",
  phone: "M8 3h8a1.5 1.5 0 0 1 1.5 1.5v15A1.5 1.5 0 0 1 16 21H8a1.5 1.5 0 0 1-1.5-1.5v-15A1.5 1.5 0 0 1 8 3Zm3 15h2",
  lock: "M6.5 11h11A1.5 1.5 0 0 1 19 12.5v6a1.5 1.5 0 0 1-1.5 1.5h-11A1.5 1.5 0 0 1 5 18.5v-6A1.5 1.5 0 0 1 6.5 11ZM8 11V8a4 4 0 0 1 8 0v3m-4 3.5v2",
  globe: "M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17Zm0 0c5 5 5 12 0 17-5-5-5-12 0-17ZM4 9.5h16m-16 5h16",
  theme: "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10Z",
  qr: "M4 4h6v6H4ZM14 4h6v6h-6ZM4 14h6v6H4Zm10 0h2v2h-2Zm4 4h2v2h-2Zm0-4h2m-6 6h2M7 7v.01M17 7v.01M7 17v.01",
  trash: "M4.5 6.5h15m-10.5 0V4.5h6v2m-8.5 0 .8 12a1.5 1.5 0 0 0 1.5 1.5h6.4a1.5 1.5 0 0 0 1.5-1.5l.8-12M10 10.5v5.5m4-5.5v5.5",
  edit: "M4.5 19.5 5.5 15 16 4.5 19.5 8 9 18.5ZM13.5 7l3.5 3.5",
  copy: "M9 8.5h9.5A1.5 1.5 0 0 1 20 10v9.5a1.5 1.5 0 0 1-1.5 1.5H9a1.5 1.5 0 0 1-1.5-1.5V10A1.5 1.5 0 0 1 9 8.5ZM16 8.5V5.5A1.5 1.5 0 0 0 14.5 4H5.5A1.5 1.5 0 0 0 4 5.5v9A1.5 1.5 0 0 0 5.5 16h2",
  forward: "M13 5.5 20.5 12 13 18.5v-4C8.5 14.5 6 16 3.5 19c.5-5 3-9 9.5-9.5Z",
  reply: "M11 5.5 3.5 12 11 18.5v-4c4.5 0 7 1.5 9.5 4.5-.5-5-3-9-9.5-9.5Z",
  link: "M10 14a4 4 0 0 0 5.7 0l3.1-3.1a4 4 0 0 0-5.7-5.7l-1.3 1.3M14 10a4 4 0 0 0-5.7 0l-3.1 3.1a4 4 0 0 0 5.7 5.7l1.3-1.3",
  check: "M5 12.5 10 17.5 19.5 7",
  eye: "M2.5 12s3.5-6.5 9.5-6.5 9.5 6.5 9.5 6.5-3.5 6.5-9.5 6.5S2.5 12 2.5 12ZM12 9.2a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6Z",
  leave: "M13 4.5H6A1.5 1.5 0 0 0 4.5 6v12A1.5 1.5 0 0 0 6 19.5h7M10 12h10m-4-4.5 4.5 4.5-4.5 4.5",
  megaphone: "M4 10v4l3 .5 10 4V5.5l-10 4ZM8 14.5V19h3v-3.5M19.5 10v4",
  down: "M12 5v14m-6.5-6.5L12 19l6.5-6.5",
  chevron: "M9 5.5 15.5 12 9 18.5",
  reload: "M19.5 12a7.5 7.5 0 1 1-2.5-5.6M17.5 3v4h-4",
  app: "M5 4h5.5v6.5H4V5a1 1 0 0 1 1-1Zm8.5 0H19a1 1 0 0 1 1 1v5.5h-6.5ZM4 13.5h6.5V20H5a1 1 0 0 1-1-1Zm9.5 0H20V19a1 1 0 0 1-1 1h-5.5Z",
  block: "M12 3.5a8.5 8.5 0 1 1 0 17 8.5 8.5 0 0 1 0-17ZM6 6l12 12",
  file: "M6.5 3.5h7l4.5 4.5v12.5h-11.5ZM13 3.5V8.5h5",
  pin: "M9 4h6M10 4v5.5L6.5 13v2h11v-2L14 9.5V4M12 15v5.5",
  pulse: "M3 12h4l2.5-6 4.5 12 2.5-6H21",
};

export function icon(name, size = 24) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  for (const [k, v] of Object.entries({ viewBox: "0 0 24 24", width: size, height: size, class: `icon icon-${name}` }))
    svg.setAttribute(k, v);
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

export function iconButton(name, label, props) {
  return h("button", { class: "icon-button", type: "button", "aria-label": label, title: label, ...props }, icon(name));
}

/** Telegram's seven avatar gradients, chosen by id; the bot keeps the accent colour. */
export function avatar(title, id, size = 54, extra = "") {
  const words = title.replace(/[^\p{L}\p{N}\s]/gu, " ").trim().split(/\s+/).filter(Boolean);
  const letters = words.slice(0, 2).map((w) => [...w][0].toUpperCase()).join("");
  const tone = Math.abs(Number(id) || 0) % 7;
  return h("span", { class: `avatar tone-${tone} ${extra}`, style: { "--size": `${size}px` }, "aria-hidden": "true" },
    letters || "•");
}
