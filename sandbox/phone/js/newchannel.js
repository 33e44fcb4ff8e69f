// A form for a new channel of one's own.
import { card, input, page } from "./cells.js";
import { h } from "./dom.js";
import { toast } from "./modal.js";

export function newChannelView(session) {
  const t = session.t;
  const title = input(t("channelTitle"), { testid: "channel-title", maxlength: 128, required: true });
  const username = input(t("channelName"), { testid: "channel-username", placeholder: "t.me/…", maxlength: 32 });
  const about = input(t("channelAbout"), { testid: "channel-about", maxlength: 255 });
  const hidden = h("input", { type: "checkbox", class: "switch", testid: "channel-private" });
  const valueOf = (label) => label.querySelector("input").value.trim();
  const create = async () => {
    const name = valueOf(username).replace(/^@|^(https?:\/\/)?t\.me\//, "");
    try {
      const channel = await session.api.createChannel({ title: valueOf(title), about: valueOf(about) || undefined,
        username: hidden.checked ? undefined : name || undefined, private: hidden.checked || !name });
      session.bus.emit("chats");
      session.go(`/c/${channel.id}`);
    } catch (error) {
      toast(error.status === 400 || error.status === 409 ? error.message : session.words(error));
    }
  };
  const form = h("form", { onsubmit: (event) => { event.preventDefault(); create(); } },
    card(null, null, title, about),
    card(null, null, username, h("label", { class: "cell" }, h("span", { class: "cell-text" }, h("b", {}, t("channelPrivate"))), hidden)),
    h("button", { class: "filled", type: "submit", testid: "channel-create" }, t("create")));
  return { el: page(session, t("newChannel"), "", form) };
}
