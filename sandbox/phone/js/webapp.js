// A Mini App in a frame, as Telegram Web does it: URL with a fragment, JSON strings by postMessage both ways.
import { h } from "./dom.js";
import { openUrl } from "./links.js";
import { confirm, menu, toast } from "./modal.js";
import { themeParams } from "./theme.js";
import { createChrome } from "./webapp_chrome.js";
import { HANDLERS } from "./webapp_events.js";

const RELOAD_WAIT = 1500; // ms for the app to answer reload_iframe before the frame is loaded anew

export function createWebApp(session, shell) {
  let app = null;
  const close = () => {
    app?.end();
    app = null;
  };
  return {
    async open(request) {
      if (app && app.minimized && app.request.source === request.source && app.request.url === request.url && !request.start_param)
        return app.restore();
      close();
      try {
        const launch = await session.api.webApp({ ...request, button_text: undefined, platform: session.platform,
          theme_params: themeParams(session.person.theme) });
        app = createApp(session, shell, request, launch, close);
      } catch (error) {
        toast(error.status ? `${session.t("appFailed")}: ${error.message}` : session.words(error));
      }
      return undefined;
    },
    minimize: () => app?.minimize(),
    destroy: close,
  };
}

function createApp(session, shell, request, launch, closed) {
  const frame = h("iframe", {
    class: "webapp-frame", testid: "webapp-frame", title: session.bot.first_name, src: launch.url,
    sandbox: "allow-scripts allow-same-origin allow-popups allow-forms allow-modals allow-storage-access-by-user-activation",
    allow: "camera; microphone; geolocation; clipboard-write; fullscreen",
  });
  const app = {
    session, request, launch, frame, minimized: false, guarded: false, reloads: false, haptics: 0,
    send: (type, data = {}) => frame.contentWindow?.postMessage(JSON.stringify({ eventType: type, eventData: data }), "*"),
    openUrl: (url) => openUrl(session, url),
  };
  app.chrome = createChrome(app, {
    back: () => (app.backShown ? app.send("back_button_pressed") : app.close()),
    close: () => app.close(), minimize: () => app.minimize(), restore: () => app.restore(),
    more: (anchor) => moreMenu(app, anchor), main: () => app.send("main_button_pressed"),
    secondary: () => app.send("secondary_button_pressed"),
  });
  shell.append(app.chrome.el);
  motions(app, closed);
  listen(app);
  return app;
}

function motions(app, closed) {
  const { session, chrome } = app;
  app.close = async (force) => {
    const sure = force || !app.guarded || (await confirm(session, { text: session.t("closeText"),
      action: session.t("closeAnyway"), testid: "close-anyway" }));
    if (sure) closed();
  };
  const visible = (shown) => {
    app.minimized = !shown;
    chrome.el.classList.toggle("minimized", !shown);
    app.send("visibility_changed", { is_visible: shown });
  };
  app.minimize = () => app.minimized || visible(false);
  app.restore = () => visible(true);
  app.viewport = (stable = true) => {
    const { clientWidth: width, clientHeight: height } = app.frame;
    if (height) app.send("viewport_changed", { width, height, is_expanded: true, is_state_stable: stable });
  };
  app.theme = () => app.send("theme_changed", { theme_params: themeParams(session.person.theme) });
}

function listen(app) {
  const onMessage = (event) => {
    if (event.source !== app.frame.contentWindow || typeof event.data !== "string") return;
    let message;
    try {
      message = JSON.parse(event.data);
    } catch {
      return;
    }
    if (Object.hasOwn(HANDLERS, message?.eventType)) HANDLERS[message.eventType](app, message.eventData || {});
  };
  const size = new ResizeObserver(() => app.viewport());
  const offTheme = app.session.bus.on("theme", () => { app.theme(); app.chrome.repaint(); });
  addEventListener("message", onMessage);
  app.frame.addEventListener("load", () => app.chrome.loaded());
  size.observe(app.frame);
  app.end = () => {
    removeEventListener("message", onMessage);
    size.disconnect();
    offTheme();
    app.chrome.el.remove();
  };
}

function moreMenu(app, anchor) {
  const { session } = app;
  menu(anchor, [
    app.settingsShown && { icon: "gear", text: session.t("appSettings"), testid: "webapp-settings",
      run: () => app.send("settings_button_pressed") },
    { icon: "reload", text: session.t("reload"), testid: "webapp-reload", run: () => reload(app) },
    { icon: "down", text: session.t("minimize"), testid: "webapp-minimize", run: () => app.minimize() },
  ]);
}

function reload(app) {
  app.willReload = false;
  if (app.reloads) app.send("reload_iframe");
  setTimeout(() => {
    if (!app.willReload) app.frame.setAttribute("src", app.launch.url);
  }, app.reloads ? RELOAD_WAIT : 0);
}
