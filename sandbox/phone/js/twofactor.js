// Two-step verification: a password asked after the code on a new device.
import { card, cell, input, page } from "./cells.js";
import { h, icon, replace, scope } from "./dom.js";
import { confirm, toast } from "./modal.js";

export function twoFactorView(session) {
  const life = scope();
  const body = h("div", {});
  const draw = () => replace(body, form(session, draw));
  life.add(session.bus.on("settings", draw));
  draw();
  return { el: page(session, session.t("twofa"), "/settings", body), destroy: () => life.end() };
}

function form(session, draw) {
  const { t, person } = session;
  const password = input(t("password"), { type: "password", testid: "twofa-password", autocomplete: "new-password", maxlength: 256 });
  const hint = input(t("passwordHint"), { testid: "twofa-hint", maxlength: 128, value: person.hint ?? "" });
  const valueOf = (label) => label.querySelector("input").value;
  const save = async (event) => {
    event.preventDefault();
    if (!valueOf(password)) return toast(t("twofaShort"));
    return apply(session, draw, () => session.api.setPassword(valueOf(password), valueOf(hint) || undefined), "twofaSaved");
  };
  const drop = async () => {
    const sure = await confirm(session, { title: `${t("twofaDrop")}?`, text: t("twofaDropText"), action: t("twofaDrop"), testid: "twofa-off-confirm" });
    if (sure) await apply(session, draw, () => session.api.dropPassword(), "twofaDropped");
  };
  return [
    h("div", { class: "hero" }, h("span", { class: `hero-icon ${person.two_factor ? "on" : ""}` }, icon("lock", 56)),
      h("b", { testid: "twofa-state" }, t(person.two_factor ? "twofaOn" : "twofaOff")), h("p", {}, t("twofaText"))),
    h("form", { onsubmit: save },
      card(null, person.two_factor && person.hint ? t("hintIs", { hint: person.hint }) : null, password, hint),
      h("button", { class: "filled", type: "submit", testid: "twofa-save" }, t(person.two_factor ? "twofaChange" : "twofaSave"))),
    person.two_factor && card(null, null, cell({ icon: "block", tone: "red", title: t("twofaDrop"), destructive: true, testid: "twofa-off", run: drop })),
  ];
}

async function apply(session, draw, call, done) {
  try {
    session.setPerson(await call());
    toast(session.t(done));
    draw();
  } catch (error) {
    toast(session.words(error));
  }
}
