// Settings → Devices: link one by its code, see what is signed in, end it.
import { card, cell, page } from "./cells.js";
import { h, icon, replace, scope } from "./dom.js";
import { ago } from "./format.js";
import { confirm, toast } from "./modal.js";

export function devicesView(session) {
  const life = scope();
  const body = h("div", { testid: "device-list" });
  const load = () => session.api.devices().then((devices) => draw(session, body, devices))
    .catch((error) => error.status && toast(session.words(error)));
  for (const event of ["devices", "resync"]) life.add(session.bus.on(event, load));
  life.timer(load, 30_000); // "online" and "5 min ago" grow old by themselves
  load();
  return {
    el: page(session, session.t("devices"), "/settings",
      h("div", { class: "hero" }, h("span", { class: "hero-icon" }, icon("desktop", 56)), h("p", {}, session.t("linkText")),
        h("a", { class: "filled", href: session.href("/settings/devices/scan"), testid: "link-device" }, icon("qr", 20), session.t("linkDevice"))),
      body),
    destroy: () => life.end(),
  };
}

function draw(session, body, devices) {
  const { t } = session;
  const pending = devices.filter((d) => d.password_pending);
  const active = devices.filter((d) => !d.password_pending);
  replace(body,
    card(t("thisDevice"), null, cell({ icon: "phone", tone: "green", title: t("thisPhone"), note: `Telegram · ${t("online")}` }),
      devices.length > 0 && cell({ icon: "block", tone: "red", title: t("terminateAll"), destructive: true, testid: "terminate-all",
        run: () => terminateAll(session) })),
    pending.length > 0 && card(t("incomplete"), t("incompleteText"), pending.map((d) => deviceCell(session, d))),
    active.length > 0 ? card(t("activeSessions"), t("devicesHint"), active.map((d) => deviceCell(session, d)))
      : card(t("activeSessions"), null, h("div", { class: "cell quiet", testid: "no-sessions" }, t("noSessions"))));
}

function deviceCell(session, device) {
  const { t } = session;
  const when = device.online ? t("online") : ago(device.active, session);
  return h("div", { class: "cell device", testid: "device", "data-hash": device.hash },
    h("span", { class: "cell-icon icon-blue" }, icon("desktop", 20)),
    h("span", { class: "cell-text" }, h("b", {}, device.device), h("small", {}, device.app),
      h("small", { class: device.online ? "online" : "" }, [device.platform, when].filter(Boolean).join(" · "))),
    h("button", { class: "text-button destructive", type: "button", testid: "terminate", onclick: () => terminate(session, device) },
      t("terminate")));
}

async function terminate(session, device) {
  const { t } = session;
  if (!(await confirm(session, { title: t("terminateTitle"), text: t("terminateText", { device: device.device }),
    action: t("terminate"), testid: "terminate-confirm" }))) return;
  await run(session, () => session.api.terminate(device.hash));
}

async function terminateAll(session) {
  const { t } = session;
  if (!(await confirm(session, { title: `${t("terminateAll")}?`, text: t("terminateAllText"), action: t("terminate"),
    testid: "terminate-confirm" }))) return;
  await run(session, () => session.api.terminateAll());
}

async function run(session, call) {
  try {
    await call();
    toast(session.t("terminated"));
  } catch (error) {
    toast(session.words(error));
  }
  session.bus.emit("devices");
}
