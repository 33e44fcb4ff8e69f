// Settings: who this is, devices, password, appearance, language, and what Mini Apps see of the client.
import { card, cell, page, segmented } from "./cells.js";
import { avatar, h, replace, scope } from "./dom.js";
import { toast } from "./modal.js";
import { PLATFORMS } from "./session.js";

const PLATFORM_NAMES = { android: "Android", ios: "iOS", tdesktop: "Desktop", weba: "Web" };

export function settingsView(session) {
  const life = scope();
  const body = h("div", {});
  const state = { devices: null };
  const draw = () => replace(body, profile(session), account(session, state), looks(session, draw));
  const load = async () => {
    state.devices = (await session.api.devices()).filter((d) => !d.password_pending).length;
    draw();
  };
  const reload = () => load().catch((error) => error.status && toast(session.words(error)));
  for (const event of ["settings", "theme"]) life.add(session.bus.on(event, draw));
  for (const event of ["devices", "resync"]) life.add(session.bus.on(event, reload));
  draw();
  reload();
  return { el: page(session, session.t("settings"), "", body), destroy: () => life.end() };
}

function profile({ person }) {
  const name = [person.first_name, person.last_name].filter(Boolean).join(" ");
  return h("div", { class: "profile" }, avatar(name, person.id, 96), h("h2", {}, name),
    h("p", {}, [person.phone, person.username && `@${person.username}`].filter(Boolean).join(" · ")));
}

function account(session, state) {
  const { t, person } = session;
  return card(t("account"), null,
    cell({ icon: "devices", tone: "orange", title: t("devices"), value: state.devices === null ? "" : String(state.devices + 1),
      href: session.href("/settings/devices"), testid: "devices" }),
    cell({ icon: "lock", tone: "green", title: t("twofa"), value: t(person.two_factor ? "twofaOn" : "twofaOff"),
      href: session.href("/settings/two-step"), testid: "two-factor" }));
}

function looks(session, draw) {
  const { t, person } = session;
  const save = (changes) => session.api.saveSettings(changes)
    .then((changed) => { session.setPerson(changed); draw(); })
    .catch((error) => toast(session.words(error)));
  const field = (icon, tone, title, control) => h("div", { class: "choice" }, cell({ icon, tone, title }), control);
  return [
    card(t("appearance"), null,
      field("theme", "violet", t("appearance"), segmented(["light", "dark"].map((id) =>
        ({ id, text: t(id), testid: `theme-${id}` })), person.theme, (theme) => save({ theme }))),
      field("globe", "blue", t("language"), segmented([["ru", "Русский"], ["en", "English"]].map(([id, text]) =>
        ({ id, text, testid: `language-${id}` })), person.language, (language) => save({ language })))),
    card(t("platform"), t("platformHint"), h("div", { class: "choice" }, segmented(PLATFORMS.map((id) =>
      ({ id, text: PLATFORM_NAMES[id], testid: `platform-${id}` })), session.platform, (id) => { session.platform = id; draw(); }))),
  ];
}
