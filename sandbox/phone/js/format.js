// Dates, counts and message entities as Telegram shows them.
import { h } from "./dom.js";

const DAY = 86400;
const startOfDay = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime() / 1000;

const formats = new Map();
function format(language, options) {
  const key = language + JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(language, options));
  return formats.get(key);
}

export const clock = (unix, language) =>
  format(language, { hour: "2-digit", minute: "2-digit", hour12: false }).format(unix * 1000);

export const fullDate = (unix, language) =>
  format(language, { dateStyle: "long", timeStyle: "short" }).format(unix * 1000);

/** Chat list: the time today, the weekday within a week, then the date. */
export function shortDate(unix, language) {
  const today = startOfDay(new Date());
  if (unix >= today) return clock(unix, language);
  if (unix >= today - 6 * DAY) return format(language, { weekday: "short" }).format(unix * 1000);
  return format(language, { day: "2-digit", month: "2-digit", year: "2-digit" }).format(unix * 1000);
}

/** Between posts: today, yesterday, "12 November". */
export function dayLabel(unix, session) {
  const today = startOfDay(new Date());
  if (unix >= today) return session.t("today");
  if (unix >= today - DAY) return session.t("yesterday");
  const date = new Date(unix * 1000);
  const year = date.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
  return format(session.language, { day: "numeric", month: "long", year }).format(date);
}

export const dayKey = (unix) => startOfDay(new Date(unix * 1000));

/** Within a day in words ("5 min ago"), then the date. */
export function ago(unix, session) {
  const seconds = Date.now() / 1000 - unix;
  if (seconds < 60) return session.t("agoNow");
  if (seconds < 3600) return session.t("minutesAgo", { n: Math.floor(seconds / 60) });
  if (seconds < DAY) return session.t("hoursAgo", { n: Math.floor(seconds / 3600) });
  return shortDate(unix, session.language);
}

export function compact(n) {
  if (n < 1000) return String(n);
  const [value, unit] = n < 1e6 ? [n / 1e3, "K"] : [n / 1e6, "M"];
  return (value < 100 ? value.toFixed(1).replace(/\.0$/, "") : Math.round(value)) + unit;
}

const TAGS = {
  bold: "b", italic: "i", underline: "u", strikethrough: "s", code: "code", pre: "pre",
  blockquote: "blockquote", expandable_blockquote: "blockquote",
};

const AUTOLINK = /https?:\/\/[^\s<>"]+[^\s<>".,;:!?)»]|\bt\.me\/[\w/+?=&-]+|(?<![\w/@])@[a-z]\w{3,31}|(?<![\w/])\/[a-z]\w{0,31}(?![\w/])/gi;

function link(label, open, address) {
  return h("a", {
    class: "link", href: address ?? "#", rel: "noopener noreferrer",
    onclick: (event) => {
      event.preventDefault();
      event.stopPropagation();
      open();
    },
  }, label);
}

function token(text, on) {
  if (text.startsWith("@")) return link(text, () => on.url(`https://t.me/${text.slice(1)}`));
  if (text.startsWith("/")) return on.command ? link(text, () => on.command(text)) : text;
  const url = /^[a-z]+:/i.test(text) ? text : `https://${text}`;
  return link(text, () => on.url(url), /^https?:/i.test(url) ? url : undefined);
}

function plain(text, on, inCode) {
  if (inCode) return [text];
  const out = [];
  let at = 0;
  for (const match of text.matchAll(AUTOLINK)) {
    out.push(text.slice(at, match.index), token(match[0], on));
    at = match.index + match[0].length;
  }
  out.push(text.slice(at));
  return out;
}

function wrap(entity, inside, raw, on) {
  switch (entity.type) {
    case "text_link": return link(inside, () => on.url(entity.url), /^https?:/i.test(entity.url) ? entity.url : undefined);
    case "url": case "mention": case "bot_command": return token(raw, on);
    case "email": case "phone_number": case "hashtag": case "cashtag": case "text_mention":
      return h("span", { class: "link" }, inside);
    case "spoiler": {
      const el = h("span", { class: "spoiler", onclick: () => el.classList.add("shown") }, inside);
      return el;
    }
    default: return TAGS[entity.type] ? h(TAGS[entity.type], {}, inside) : inside;
  }
}

const OPAQUE = new Set(["code", "pre", "text_link", "url", "mention", "bot_command"]);

function span(text, from, to, entities, on, inCode) {
  const out = [];
  let at = from;
  for (let i = 0; i < entities.length; i++) {
    const entity = entities[i];
    if (entity.offset < at || entity.offset >= to) continue;
    const end = Math.min(entity.offset + entity.length, to);
    out.push(plain(text.slice(at, entity.offset), on, inCode));
    const inside = span(text, entity.offset, end, entities.slice(i + 1), on, inCode || OPAQUE.has(entity.type));
    out.push(wrap(entity, inside, text.slice(entity.offset, end), on));
    at = end;
  }
  out.push(plain(text.slice(at, to), on, inCode));
  return out;
}

/** Text and entities (offsets in UTF-16 units, as JavaScript's) to nodes. on: {url(address), command?(text)} */
export function richText(text, entities, on) {
  const sorted = [...(entities ?? [])].sort((a, b) => a.offset - b.offset || b.length - a.length);
  return span(text, 0, text.length, sorted, on, false);
}
