// One person's open phone: who they are, their words, what changes live, and what is open over the page.
import { createApi } from "./api.js";
import { isKnown, translator } from "./strings.js";

const PLATFORMS = ["android", "ios", "tdesktop", "weba"];

class Bus extends EventTarget {
  emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** Returns the function that unsubscribes. */
  on(name, fn) {
    const listener = (event) => fn(event.detail);
    this.addEventListener(name, listener);
    return () => this.removeEventListener(name, listener);
  }
}

export async function openSession(personKey) {
  const api = createApi(personKey);
  const [person, bot] = await Promise.all([api.me(), api.bot()]);
  const session = {
    api, person, bot, key: personKey, bus: new Bus(), online: true, unread: new Map(), open: null, webApp: null,
    language: person.language, t: translator(person.language),
    get platform() {
      const stored = localStorage.getItem(`phone.${personKey}.platform`);
      return PLATFORMS.includes(stored) ? stored : "android";
    },
    set platform(value) {
      localStorage.setItem(`phone.${personKey}.platform`, value);
    },
    href: (path) => `#/${personKey}${path}`,
    go: (path) => { location.hash = `/${personKey}${path}`; },
    /** A sentence for what went wrong; the server's codes have their own words. */
    words: (error) => session.t(error.code && isKnown(error.code) ? error.code : "UNKNOWN"),
  };
  session.setPerson = (changed) => setPerson(session, changed);
  session.close = api.stream({
    event: (name, data) => receive(session, name, data),
    online: () => setOnline(session, true),
    offline: () => setOnline(session, false),
  });
  applyTheme(person.theme);
  return session;
}

function receive(session, name, data) {
  if (name === "settings") session.setPerson(data);
  if (name === "message" && !data.out) countUnread(session, "bot");
  if (name === "post") countUnread(session, String(data.channel_id));
  session.bus.emit(name, data);
}

function countUnread(session, chat) {
  if (session.open === chat && !document.hidden) return;
  session.unread.set(chat, (session.unread.get(chat) ?? 0) + 1);
}

function setOnline(session, online) {
  if (session.online === online) return;
  session.online = online;
  session.bus.emit("connection", online);
  if (online) session.bus.emit("resync");
}

function setPerson(session, person) {
  const before = session.person;
  session.person = person;
  if (before.theme !== person.theme) {
    applyTheme(person.theme);
    session.bus.emit("theme", person.theme);
  }
  if (before.language === person.language) return;
  session.language = person.language;
  session.t = translator(person.language);
  document.documentElement.lang = person.language;
  session.bus.emit("language", person.language);
}

export function applyTheme(theme) {
  document.documentElement.dataset.theme = theme;
}

export { PLATFORMS };
