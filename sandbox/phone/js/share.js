// t.me/share: whom to send a link to. The bot and one's own channels can receive it here.
import { avatar, h } from "./dom.js";
import { copy, popup, toast } from "./modal.js";

export function createShare(session) {
  return async (url, text) => {
    const words = [url, text].filter(Boolean).join("\n");
    const chats = await session.api.chats();
    const targets = chats.filter((chat) => chat.kind === "bot" || chat.owned);
    let chosen = null;
    const list = h("div", { class: "share-list" }, targets.map((chat) =>
      h("button", { type: "button", class: "cell", testid: `share-${chat.kind === "bot" ? "bot" : chat.id}`, onclick: (event) => {
        chosen = chat;
        event.target.closest(".popup").querySelector("[data-testid=share-close]").click();
      } }, avatar(chat.title, chat.id, 40, chat.kind), h("span", { class: "cell-text" }, h("b", {}, chat.title)))));
    const pressed = await popup({ title: session.t("shareTo"), text: words, body: list, testid: "share", buttons: [
      { id: "copy", text: session.t("copyLink"), testid: "share-copy" },
      { id: "close", text: session.t("cancel"), testid: "share-close" }] });
    if (pressed === "copy") return copy(session, url || text);
    if (!chosen) return undefined;
    if (chosen.kind === "bot") await session.api.sendToBot({ text: words });
    else await session.api.writePost(chosen.id, words);
    return toast(session.t("shared"));
  };
}
