// The list of chats with search over one's own chats and all public channels.
import { avatar, h, icon, iconButton, replace, scope } from "./dom.js";
import { shortDate } from "./format.js";
import { toast } from "./modal.js";

const DEBOUNCE = 250; // ms

export function chatListView(session) {
  const life = scope();
  const rows = h("div", { class: "list", testid: "chats" }, skeleton());
  const field = h("input", { type: "search", class: "search-field", placeholder: session.t("search"), testid: "search",
    "aria-label": session.t("search"), autocomplete: "off" });
  const view = { session, rows, field, chats: [], service: null, loaded: false };
  let timer, reload;
  const name = session.person.first_name;
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => draw(view), DEBOUNCE);
  });
  const later = () => { clearTimeout(reload); reload = setTimeout(() => load(view), 120); };
  for (const event of ["message", "message_edited", "message_deleted", "post", "post_edited", "post_deleted", "chats", "resync",
    "login_code", "notice"]) life.add(session.bus.on(event, later));
  life.add(session.bus.on("opened", () => draw(view)), () => clearTimeout(timer), () => clearTimeout(reload));
  load(view);
  return {
    el: h("div", { class: "pane" },
      h("header", { class: "bar list-bar" },
        h("a", { class: "icon-button", href: "#/", testid: "switch-person", title: session.t("switchPerson"),
          "aria-label": session.t("switchPerson") }, avatar(name, session.person.id, 32)),
        h("label", { class: "search" }, icon("search", 20), field),
        h("a", { class: "icon-button", href: session.href("/settings"), testid: "settings", title: session.t("settings"),
          "aria-label": session.t("settings") }, icon("gear"))),
      rows,
      h("a", { class: "fab", href: session.href("/new"), testid: "new-channel", title: session.t("newChannel"),
        "aria-label": session.t("newChannel") }, icon("edit"))),
    destroy: () => life.end(),
  };
}

async function load(view) {
  try {
    const [chats, code] = await Promise.all([view.session.api.chats(), view.session.api.loginCode()]);
    Object.assign(view, { chats, service: code, loaded: true });
    draw(view);
  } catch (error) {
    if (error.status) toast(view.session.words(error));
  }
}

async function draw(view) {
  const { session, rows, field } = view;
  const wanted = field.value.trim().replace(/^@|^(https?:\/\/)?t\.me\//, "").toLowerCase();
  if (!view.loaded) return;
  if (!wanted) {
    replace(rows, [...ordered(view).map((chat) => row(session, chat))]);
    if (!rows.children.length) replace(rows, nothing(session, "noChats"));
    return;
  }
  const own = view.chats.filter((c) => c.title.toLowerCase().includes(wanted) || c.username?.toLowerCase().includes(wanted));
  const found = await session.api.searchChannels(wanted).catch(() => []);
  if (!field.value.trim().toLowerCase().includes(wanted)) return; // typed on meanwhile
  const strangers = found.filter((c) => !view.chats.some((chat) => chat.kind !== "bot" && chat.id === c.id));
  replace(rows, own.map((chat) => row(session, chat)),
    strangers.length > 0 && h("h3", { class: "list-head" }, session.t("found")),
    strangers.map((c) => row(session, { ...c, last: null, hint: `@${c.username} · ${session.t("subscribers", { n: c.members })}` })));
  if (!own.length && !strangers.length) replace(rows, nothing(session, "nothing", "nothingText"));
}

function ordered({ session, chats, service }) {
  const rows = [...chats];
  if (service) rows.push({ kind: "service", id: 777000, title: session.t("service"), username: null,
    last: { date: service.date, text: session.t("loginCodeText", { code: service.code }) } });
  const at = (chat) => (chat.kind === "bot" ? Infinity : (chat.last?.date ?? 0)); // the bot is pinned
  return rows.sort((a, b) => at(b) - at(a));
}

const KEYS = { bot: () => "bot", service: () => "service" };

function row(session, chat) {
  const key = KEYS[chat.kind]?.() ?? String(chat.id);
  const path = KEYS[chat.kind] ? `/${key}` : `/c/${key}`;
  const unread = session.unread.get(key);
  const channel = chat.kind === "channel" || chat.kind === "group";
  return h("a", { class: `chat-row ${session.open === key ? "selected" : ""}`, href: session.href(path),
    testid: channel ? `chat-channel-${chat.id}` : `chat-${key}`, "data-username": chat.username },
  avatar(chat.title, chat.id, 54, chat.kind),
  h("span", { class: "chat-text" },
    h("span", { class: "chat-line" }, h("b", {}, chat.title, channel && chat.private && icon("lock", 14)),
      h("time", {}, chat.last ? shortDate(chat.last.date, session.language) : "")),
    h("span", { class: "chat-line" },
      h("small", {}, chat.hint ?? (chat.last ? chat.last.text || session.t("photo") : chat.kind === "bot" ? session.t("bot") : "")),
      unread > 0 ? h("i", { class: "badge", testid: "unread" }, unread) : chat.kind === "bot" && icon("pin", 18))));
}

const nothing = (session, title, text) => h("div", { class: "nothing" }, h("span", { class: "nothing-icon" }, icon("search", 44)),
  h("b", {}, session.t(title)), text && h("p", {}, session.t(text)));

const skeleton = () => Array.from({ length: 7 }, () => h("div", { class: "chat-row skeleton" }, h("span", { class: "avatar" }),
  h("span", { class: "chat-text" }, h("i"), h("i"))));
