// Telegram's own notifications: the last login code sent to this person.
import { bubble } from "./bubble.js";
import { avatar, h, icon, scope } from "./dom.js";
import { openUrl } from "./links.js";
import { toast } from "./modal.js";
import { createTimeline } from "./timeline.js";

export function serviceView(session) {
  const life = scope();
  const on = { url: (address) => openUrl(session, address) };
  const timeline = createTimeline(session, {
    testid: "service-messages", render: ([item]) => bubble(session, { item, on, testid: "service-message" }),
  });
  const load = () => session.api.loginCode().then((code) => {
    if (code) timeline.put([{ id: code.date, date: code.date, entities: [], text: session.t("loginCodeText", { code: code.code }) }]);
  }).catch((error) => error.status && toast(session.words(error)));
  life.add(session.bus.on("login_code", load), session.bus.on("resync", load));
  load();
  return {
    el: h("div", { class: "chat wallpaper" },
      h("header", { class: "bar" },
        h("a", { class: "icon-button back", href: session.href(""), testid: "chat-back", "aria-label": session.t("back") }, icon("back")),
        avatar("T", 777000, 42, "service"),
        h("div", { class: "bar-text" }, h("b", {}, session.t("service")), h("small", {}, session.t("serviceStatus")))),
      timeline.el),
    destroy: () => { life.end(); timeline.destroy(); },
  };
}
