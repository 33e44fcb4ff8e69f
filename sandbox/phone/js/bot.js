// The chat with the bot: its messages, streamed drafts, commands, START, menu button.
import { albumOf, bubble } from "./bubble.js";
import { commandList } from "./commands.js";
import { createComposer, cut } from "./composer.js";
import { avatar, h, icon, iconButton, replace, scope } from "./dom.js";
import { richText } from "./format.js";
import { inlineKeyboard, replyKeyboard } from "./keyboard.js";
import { openUrl } from "./links.js";
import { confirm, copy, menu, toast } from "./modal.js";
import { createTimeline } from "./timeline.js";

const TYPING = 5500; // ms a chat action stays visible, as in Telegram

export function botView(session, query) {
  const life = scope();
  const state = { start: query.get("start"), bot: session.bot };
  const subtitle = h("small", { testid: "chat-status" }, session.t("bot"));
  const footer = h("div", { class: "footer" });
  const timeline = createTimeline(session, {
    testid: "messages", render: ([message]) => messageNode(view, message), loadOlder: () => older(view),
  });
  const view = { session, state, timeline, footer, subtitle, life };
  view.send = (text, about) => sendAll(view, text, about);
  view.on = { url: (address) => openUrl(session, address), command: (text) => view.send(text).catch((e) => toast(session.words(e))),
    forward: (f) => f.username && openUrl(session, `https://t.me/${f.username}/${f.post_id ?? ""}`) };
  view.commands = commandList(view);
  view.composer = botComposer(view);
  listen(view);
  refresh(view);
  return {
    el: h("div", { class: "chat wallpaper", testid: "bot-chat" }, header(view), timeline.el, footer),
    arrive: (next) => { state.start = next.get("start"); drawFooter(view); },
    destroy: () => { life.end(); timeline.destroy(); },
  };
}

function header({ session, subtitle, state, ...view }) {
  const bot = session.bot;
  const more = iconButton("more", session.t("more"), { testid: "chat-menu", onclick: () => menu(more, [
    { icon: "reload", text: session.t("restart").toLowerCase().replace(/^./, (c) => c.toUpperCase()), testid: "bot-restart",
      run: () => session.api.startBot().catch((e) => toast(session.words(e))) },
    { icon: "trash", text: session.t("clearHistory"), testid: "bot-clear",
      run: () => clear(session).catch((e) => toast(session.words(e))) },
    !state.bot.blocked && { icon: "block", text: session.t("blockBot"), destructive: true, testid: "bot-block",
      run: () => block({ session, state, ...view }) },
  ]) });
  return h("header", { class: "bar" },
    h("a", { class: "icon-button back", href: session.href(""), testid: "chat-back", "aria-label": session.t("back") }, icon("back")),
    avatar(bot.first_name, bot.id, 42, "bot"), h("div", { class: "bar-text" }, h("b", {}, bot.first_name), subtitle), more);
}

async function clear(session) {
  if (await confirm(session, { title: `${session.t("clearHistory")}?`, action: session.t("clearHistory") })) await session.api.clearBot();
}

async function block(view) {
  if (!(await confirm(view.session, { title: `${view.session.t("blockBot")}?`, action: view.session.t("blockBot") }))) return;
  await view.session.api.blockBot(true);
  toast(view.session.t("blocked"));
  refresh(view);
}

function botComposer(view) {
  const { session } = view;
  view.menuButton = h("button", { class: "menu-pill", type: "button", testid: "menu-button" });
  view.slash = iconButton("slash", session.t("commands"), { testid: "commands-button", onclick: () => view.commands.toggle() });
  return createComposer(session, { placeholder: session.t("message"), send: view.send, left: view.menuButton, inside: view.slash,
    onslash: (text) => view.commands?.filter(text) });
}

async function sendAll({ session, timeline, commands }, text, about) {
  commands.hide();
  for (const part of cut(text)) {
    const message = await session.api.sendToBot({ text: part, ...(about?.reply ? { reply_to: about.reply } : {}) });
    timeline.put([message]);
  }
  timeline.end();
}

function listen(view) {
  const { session, timeline, life } = view;
  let typing;
  const rest = () => { view.subtitle.replaceChildren(session.t("bot")); view.subtitle.classList.remove("typing"); };
  const on = (name, fn) => life.add(session.bus.on(name, fn));
  on("message", (message) => {
    if (!message.out) { rest(); draft(view, null); }
    if (!view.state.bot.started) refresh(view);
    timeline.put([message]);
    drawFooter(view);
  });
  on("message_edited", (message) => timeline.put([message]));
  on("message_deleted", ({ id }) => timeline.remove([id]));
  on("draft", (data) => { rest(); draft(view, data); });
  on("chat_action", () => {
    replace(view.subtitle, session.t("typing"), h("span", { class: "dots" }, h("i"), h("i"), h("i")));
    view.subtitle.classList.add("typing");
    clearTimeout(typing);
    typing = setTimeout(rest, TYPING);
  });
  on("commands", () => view.commands.load());
  on("menu_button", () => drawMenuButton(view));
  on("resync", () => { timeline.reset(); refresh(view); });
  life.add(() => clearTimeout(typing));
}

async function refresh(view) {
  const { session, timeline, state } = view;
  try {
    const [bot, page] = await Promise.all([session.api.bot(), session.api.botMessages()]);
    state.bot = bot;
    session.bot = bot;
    timeline.state.older = page.messages.length > 0;
    timeline.put(page.messages);
    draft(view, page.draft);
    drawFooter(view);
    await Promise.all([drawMenuButton(view), view.commands.load()]);
  } catch (error) {
    if (error.status) toast(session.words(error));
  }
}

async function older({ session, timeline }) {
  const first = timeline.ids()[0];
  if (first === undefined) return true;
  const { messages } = await session.api.botMessages(first);
  timeline.put(messages);
  return messages.length > 0;
}

function draft({ timeline, on }, data) {
  if (!data?.text) return timeline.tail.replaceChildren();
  const text = h("div", { class: "text" }, richText(data.text, data.entities, on), h("span", { class: "caret" }));
  return replace(timeline.tail, h("article", { class: "row in", testid: "draft" },
    h("div", { class: "stack" }, h("div", { class: "bubble draft" }, text))));
}

function drawFooter(view) {
  const { session, state, footer, timeline, composer } = view;
  const empty = timeline.state.items.size === 0;
  const start = state.bot.blocked ? "unblock" : !state.bot.started || state.start ? "start" : null;
  if (empty) replace(timeline.tail, aboutBot(session, state.bot));
  else timeline.tail.querySelector(".about-bot")?.remove();
  if (!start) {
    if (footer.firstChild !== composer.el) replace(footer, composer.el);
    drawReplyKeyboard(view);
    return;
  }
  replace(footer, h("button", { class: "start", type: "button", testid: "bot-start", onclick: async (event) => {
    event.currentTarget.disabled = true;
    await session.api.startBot(state.start || undefined).then((m) => timeline.put([m])).catch((e) => toast(session.words(e)));
    state.start = null;
    history.replaceState(null, "", session.href("/bot"));
    await refresh(view);
  } }, session.t(start)));
}

function drawReplyKeyboard({ timeline, composer, session, on }) {
  const last = timeline.ids().reverse().map((id) => timeline.state.items.get(id))
    .find((m) => m.reply_markup?.keyboard || m.reply_markup?.remove_keyboard);
  replace(composer.below, replyKeyboard(session, last?.reply_markup, { text: on.command }));
}

function aboutBot(session, bot) {
  return h("div", { class: "about-bot" }, avatar(bot.first_name, bot.id, 96, "bot"),
    h("div", { class: "about-card" }, h("b", {}, session.t("whatBotDoes")),
      h("p", {}, bot.description || bot.short_description || bot.first_name)));
}

async function drawMenuButton(view) {
  const { session, menuButton } = view;
  const button = await session.api.menuButton();
  const app = button.type === "web_app";
  view.slash.hidden = !app;
  replace(menuButton, icon(app ? "app" : "lines", 18), h("span", {}, app ? button.text || session.t("openApp") : session.t("menu")));
  menuButton.onclick = () => (app ? session.webApp.open({ source: "menu" }) : view.commands.toggle());
}

function messageNode(view, message) {
  const { session, timeline, composer } = view;
  const quoted = message.reply_to && timeline.state.items.get(message.reply_to);
  const reply = quoted && h("button", { class: "reply", type: "button", onclick: () => timeline.reveal(quoted.id) },
    h("b", {}, quoted.out ? session.t("you") : session.bot.first_name), h("small", {}, quoted.text));
  return bubble(session, {
    item: message, reply, media: attachment(session, message), keyboard: inlineKeyboard(session, message), on: view.on,
    testid: message.out ? "message-out" : "message-in",
    menu: () => [
      { icon: "reply", text: session.t("reply"), testid: "message-reply", run: () => composer.quoting({
        reply: message.id, title: message.out ? session.t("you") : session.bot.first_name, text: message.text }) },
      { icon: "copy", text: session.t("copyText"), testid: "message-copy", run: () => copy(session, message.text) },
    ],
  });
}

function attachment(session, message) {
  if (message.photo?.url) return h("img", { class: "photo", src: message.photo.url, alt: session.t("photo"), loading: "lazy" });
  if (message.photo) return albumOf(session, [message]);
  if (!message.document) return null;
  const { file_name: name, size, url } = message.document;
  return h("a", { class: "file", href: url, target: "_blank", rel: "noopener", download: name },
    h("span", { class: "file-icon" }, icon("file")), h("span", {}, h("b", {}, name), h("small", {}, `${Math.ceil(size / 1024)} KB`)));
}
