// Two columns on a desk, one at a time on a phone: lists and settings left, the open chat right.
import { botView } from "./bot.js";
import { channelView } from "./channel.js";
import { chatListView } from "./chatlist.js";
import { devicesView } from "./devices.js";
import { h, replace, scope } from "./dom.js";
import { newChannelView } from "./newchannel.js";
import { scannerView } from "./scanner.js";
import { serviceView } from "./service.js";
import { settingsView } from "./settings.js";
import { createShare } from "./share.js";
import { twoFactorView } from "./twofactor.js";
import { createWebApp } from "./webapp.js";

const LEFT = {
  "": chatListView, settings: settingsView, "settings/devices": devicesView, "settings/devices/scan": scannerView,
  "settings/two-step": twoFactorView, new: newChannelView,
};

const isChat = (path) => path[0] === "bot" || path[0] === "service" || (path[0] === "c" && path[1]);

export function mountShell(root, session) {
  const left = h("section", { class: "column left" });
  const right = h("section", { class: "column right" });
  const pill = h("div", { class: "connecting", testid: "connecting", role: "status", hidden: true },
    h("span", { class: "spinner" }), h("span", { class: "connecting-text" }, session.t("connecting")));
  const el = h("div", { class: "shell" }, left, right, pill);
  const life = scope();
  const panes = { left: pane(left), right: pane(right) };
  let last = { path: [], query: new URLSearchParams() };

  replace(root, el);
  session.webApp = createWebApp(session, el);
  session.share = createShare(session);
  panes.right.set("", () => emptyChat(session));

  const show = (path, query) => {
    last = { path, query };
    const chat = isChat(path);
    el.classList.toggle("show-right", Boolean(chat));
    session.open = chat ? (path[0] === "c" ? path[1] : path[0]) : (matchMedia("(min-width: 760px)").matches ? session.open : null);
    if (chat) {
      if (session.open) session.unread.delete(session.open);
      session.webApp.minimize();
      openChat(panes.right, session, path, query);
      if (panes.left.key === undefined) panes.left.set("", () => chatListView(session));
      session.bus.emit("opened", session.open);
      return;
    }
    const key = path.join("/");
    panes.left.set(LEFT[key] ? key : "", () => (LEFT[key] ?? chatListView)(session));
  };

  const rebuild = () => {
    pill.lastChild.textContent = session.t("connecting");
    panes.left.drop();
    panes.right.drop();
    if (!isChat(last.path)) panes.right.set("", () => emptyChat(session));
    show(last.path, last.query);
  };
  life.listen(document, "visibilitychange", () => {
    if (document.hidden || !session.open) return;
    session.unread.delete(session.open);
    session.bus.emit("opened", session.open);
  });
  life.add(session.bus.on("language", rebuild),
    session.bus.on("connection", (online) => { pill.hidden = online; }));
  return {
    show,
    destroy: () => {
      life.end();
      panes.left.drop();
      panes.right.drop();
      session.webApp.destroy();
    },
  };
}

function openChat(right, session, path, query) {
  const key = path.slice(0, 2).join("/");
  if (right.key === key && right.view?.arrive) return right.view.arrive(query);
  const views = { bot: botView, service: serviceView, c: channelView };
  return right.set(key, () => views[path[0]](session, query, path[1]));
}

function emptyChat(session) {
  return { el: h("div", { class: "no-chat wallpaper" }, h("span", { class: "chip" }, session.t("pickChat"))) };
}

/** A place that holds one view ({el, destroy?, arrive?}) and knows which. */
function pane(container) {
  const self = {
    key: undefined,
    view: null,
    set(key, build) {
      if (self.key === key && self.view) return;
      self.drop();
      self.key = key;
      self.view = build();
      container.replaceChildren(self.view.el);
      self.view.shown?.();
    },
    drop() {
      self.view?.destroy?.();
      self.view = null;
      self.key = undefined;
      container.replaceChildren();
    },
  };
  return self;
}
