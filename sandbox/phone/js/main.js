// Entry: which person, which screen. Everything after the # is the place in that person's Telegram.
import { request } from "./api.js";
import { avatar, h, replace } from "./dom.js";
import { applyTheme, openSession } from "./session.js";
import { mountShell } from "./shell.js";
import { translator } from "./strings.js";

const root = document.getElementById("app");
let current = null; // {session, shell}
let opening = null;

function parse() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [person, ...rest] = path.split("/").filter(Boolean).map(decodeURIComponent);
  return { person, path: rest, query: new URLSearchParams(query) };
}

function leave() {
  current?.shell.destroy();
  current?.session.close();
  current = null;
}

const browserLanguage = () => (navigator.language?.startsWith("ru") ? "ru" : "en");

async function patiently(load, t) {
  for (;;) {
    try {
      return await load();
    } catch (error) {
      if (error.status && error.status < 500) throw error;
      replace(root, h("div", { class: "splash" }, h("span", { class: "spinner" }),
        h("span", { testid: "connecting" }, t("connecting"))));
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

async function showPeople() {
  leave();
  const t = translator(browserLanguage());
  applyTheme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  document.title = "Telegram";
  const people = await patiently(() => request("GET", "/people"), t);
  if (parse().person) return;
  replace(root, h("main", { class: "chooser" },
    h("div", { class: "chooser-logo" }), h("h1", {}, t("chooseTitle")), h("p", {}, t("chooseText")),
    h("div", { class: "card" }, people.map((person) =>
      h("a", { class: "cell", href: `#/${person.key}`, testid: `person-${person.key}` },
        avatar([person.first_name, person.last_name].filter(Boolean).join(" "), person.id, 48),
        h("span", { class: "cell-text" },
          h("b", {}, [person.first_name, person.last_name].filter(Boolean).join(" ")),
          h("small", {}, [person.phone, person.username && `@${person.username}`].filter(Boolean).join(" · "))))))));
}

async function showPerson(place) {
  if (current?.session.key !== place.person) {
    leave();
    const session = await patiently(() => openSession(place.person), translator(browserLanguage()));
    if (parse().person !== place.person) return session.close();
    document.documentElement.lang = session.language;
    document.title = `Telegram · ${session.person.first_name}`;
    current = { session, shell: mountShell(root, session) };
  }
  const now = parse();
  current.shell.show(now.path, now.query);
}

async function route() {
  const place = parse();
  opening = (opening ?? Promise.resolve())
    .then(() => (place.person ? showPerson(place) : showPeople()))
    .catch((error) => {
      if (error.status === 404) location.hash = "";
      else throw error;
    });
  await opening;
}

addEventListener("hashchange", route);
route();
