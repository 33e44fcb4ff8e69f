// The in-app camera: it sees the login codes now shown on screens near this phone, and nothing else.
import { h, icon, iconButton, replace, scope } from "./dom.js";
import { confirm, toast } from "./modal.js";

export function scannerView(session) {
  const { t } = session;
  const life = scope();
  const list = h("div", { class: "codes", testid: "scan-codes" });
  const view = { session, list, codes: [], seen: 0 };
  const load = async () => {
    try {
      view.codes = await session.api.scanner();
      view.seen = Date.now();
      draw(view);
    } catch (error) {
      if (error.status) toast(session.words(error));
    }
  };
  for (const event of ["scanner", "resync"]) life.add(session.bus.on(event, load));
  life.timer(() => {
    if (view.codes.some((code) => left(view, code) <= 0) || Date.now() - view.seen > 5000) load();
    tick(view);
  }, 1000);
  load();
  return {
    el: h("div", { class: "pane scanner", testid: "scanner" },
      h("header", { class: "bar" }, iconButton("back", t("back"), { testid: "scanner-back", onclick: () => session.go("/settings/devices") }),
        h("div", { class: "bar-text" }, h("b", { class: "bar-title" }, t("scanTitle")))),
      h("div", { class: "camera" }, h("div", { class: "finder" }, h("i"), h("i"), h("i"), h("i"), h("span")),
        h("p", {}, t("scanHint"))),
      h("div", { class: "near" }, h("h3", {}, t("scanNear")), list)),
    destroy: () => life.end(),
  };
}

const left = (view, code) => Math.max(0, Math.ceil(code.seconds_left - (Date.now() - view.seen) / 1000));

function draw(view) {
  const { session, list, codes } = view;
  if (!codes.length)
    return replace(list, h("div", { class: "no-codes", testid: "scan-empty" }, h("b", {}, session.t("scanNothing")),
      h("p", {}, session.t("scanNothingText"))));
  replace(list, codes.map((code, i) =>
    h("button", { type: "button", class: "code", testid: `scan-code-${i + 1}`, "data-token": code.token, onclick: () => accept(view, code) },
      h("span", { class: "code-icon" }, icon("qr", 30)),
      h("span", { class: "cell-text" }, h("b", {}, code.device), h("small", {}, code.app)),
      h("span", { class: "seconds", testid: `scan-seconds-${i + 1}` }))));
  return tick(view);
}

function tick(view) {
  view.codes.forEach((code, i) => {
    const el = view.list.children[i]?.querySelector(".seconds");
    if (!el) return;
    const seconds = left(view, code);
    el.textContent = view.session.t("scanSeconds", { n: seconds });
    el.classList.toggle("late", seconds <= 5);
    el.style.setProperty("--part", String(Math.min(1, seconds / 30)));
  });
}

async function accept(view, code) {
  const { session } = view;
  const sure = await confirm(session, { title: session.t("scanAsk", { device: code.device }), text: session.t("scanAskText"),
    action: session.t("scanConfirm"), destructive: false, testid: "scan-confirm" });
  if (!sure) return;
  try {
    const device = await session.api.scan(code.token);
    toast(session.t(device.password_pending ? "scanPassword" : "scanDone"));
    session.go("/settings/devices");
  } catch (error) {
    toast(session.words(error));
    session.bus.emit("scanner");
  }
}
