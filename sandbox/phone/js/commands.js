// The list of the bot's commands over the composer: by the "/" button, or as one types a slash.
import { avatar, h, replace } from "./dom.js";
import { toast } from "./modal.js";

export function commandList(view) {
  const { session } = view;
  const el = h("div", { class: "commands", testid: "commands", hidden: true });
  let known = [];
  const draw = (items) => {
    el.hidden = !items.length;
    replace(el, items.map(({ command, description }) =>
      h("button", { type: "button", testid: `command-${command}`, onclick: () => run(command) },
        avatar(session.bot.first_name, session.bot.id, 32, "bot"), h("b", {}, `/${command}`), h("span", {}, description))));
    if (items.length && el.parentNode !== view.footer) view.footer.append(el);
  };
  const hide = () => { el.hidden = true; };
  const run = (command) => {
    hide();
    view.composer.set("");
    view.send(`/${command}`).catch((error) => toast(session.words(error)));
  };
  view.life.listen(document, "pointerdown", (event) => {
    if (!el.hidden && !el.contains(event.target) && !event.target.closest(".composer")) hide();
  });
  return {
    hide,
    load: async () => { known = await session.api.commands(); },
    toggle: () => (el.hidden ? draw(known) : hide()),
    filter: (text) => {
      const typed = /^\/(\w*)$/.exec(text);
      if (typed) draw(known.filter((c) => c.command.startsWith(typed[1])));
      else hide();
    },
  };
}
