// Where a tapped link leads: inside the phone for t.me, a new tab for the web, a warning for tg://login.
import { popup, toast } from "./modal.js";

/** "https://t.me/name/45?x=y" → {name, rest: ["45"], query} or null when it is not Telegram's. */
export function parseTelegramLink(address) {
  let url;
  try {
    url = new URL(address);
  } catch {
    return null;
  }
  const names = { "t.me": true, "telegram.me": true, "www.t.me": true };
  if (!/^https?:$/.test(url.protocol) || !names[url.hostname]) return null;
  const [name = "", ...rest] = url.pathname.split("/").filter(Boolean).filter((part, i) => !(i === 0 && part === "s"));
  return { name, rest, query: url.searchParams };
}

async function openPrivate(session, rest) {
  const id = Number(rest[0]);
  const channels = await session.api.channels();
  const known = channels.find((c) => c.id === id || String(Math.abs(c.id)).replace(/^100/, "") === rest[0]);
  if (known) session.go(`/c/${known.id}${rest[1] ? `?post=${rest[1]}` : ""}`);
  else toast(session.t("noSuchChat"));
}

async function openName(session, link) {
  const wanted = link.name.toLowerCase();
  const found = await session.api.searchChannels(link.name);
  const channel = found.find((c) => c.username?.toLowerCase() === wanted);
  if (!channel) return toast(session.t("noSuchChat"));
  const post = Number(link.rest[0]);
  return session.go(`/c/${channel.id}${post ? `?post=${post}` : ""}`);
}

async function openBot(session, link) {
  if (link.query.has("startapp") || link.rest[0]) {
    const { web_app: app } = await session.api.menuButton();
    return session.webApp.open({ source: "link", url: app?.url, start_param: link.query.get("startapp") || undefined });
  }
  const start = link.query.get("start");
  return session.go(start ? `/bot?start=${encodeURIComponent(start)}` : "/bot");
}

async function openTelegram(session, link) {
  if (link.name === "c") return openPrivate(session, link.rest);
  if (link.name === "share") return session.share(link.query.get("url") ?? "", link.query.get("text") ?? "");
  if (link.name.toLowerCase() === session.bot.username.toLowerCase()) return openBot(session, link);
  return openName(session, link);
}

/** A new tab of the browser. Where it blocks one (the tap was too long ago), ask: the answer is a fresh tap. */
async function openTab(session, address) {
  const tab = window.open(address, "_blank");
  if (tab) {
    tab.opener = null;
    return;
  }
  const pressed = await popup({ title: session.t("openLink"), text: address, testid: "open-link", buttons: [
    { id: "cancel", text: session.t("cancel"), testid: "popup-cancel" },
    { id: "open", text: session.t("openApp"), kind: "primary", testid: "open-link-confirm" }] });
  if (pressed === "open") window.open(address, "_blank", "noopener");
}

/** Opens any address. What only warns in Telegram only warns here: tg://login never logs anything in. */
export async function openUrl(session, address) {
  try {
    if (/tg:\/\/login/i.test(address) || /tg%3A%2F%2Flogin/i.test(address)) {
      const { warning } = await session.api.openLink(address);
      await popup({ title: session.t("warning"), text: warning, testid: "link-warning",
        buttons: [{ id: "ok", text: session.t("ok"), kind: "primary" }] });
      return;
    }
    const link = parseTelegramLink(tgToWeb(address));
    if (link) await openTelegram(session, link);
    else if (/^https?:/i.test(address)) await openTab(session, address);
    else toast(session.t("unsupported"));
  } catch (error) {
    toast(session.words(error));
  }
}

/** tg://resolve?domain=name&start=x is t.me/name?start=x in another spelling. */
function tgToWeb(address) {
  const match = /^tg:\/\/resolve\?(.*)$/i.exec(address);
  if (!match) return address;
  const query = new URLSearchParams(match[1]);
  const path = [query.get("domain"), query.get("post")].filter(Boolean).join("/");
  query.delete("domain");
  query.delete("post");
  return `https://t.me/${path}?${query}`;
}
