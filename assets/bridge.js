// Runs before anything else in the Mini App: storage that cannot throw, the launch data out of the
// address bar, sign-in while Reflex still loads, and Telegram's theme before the first paint.
(() => {
  "use strict";

  // --- storage -----------------------------------------------------------------------------------
  // In a cross-site frame with third-party storage blocked, touching either storage throws, and
  // Reflex and Telegram's SDK both touch them.
  const memoryStorage = () => {
    const items = new Map();
    return {
      getItem: (key) => (items.has(String(key)) ? items.get(String(key)) : null),
      setItem: (key, value) => void items.set(String(key), String(value)),
      removeItem: (key) => void items.delete(String(key)),
      clear: () => items.clear(),
      key: (index) => [...items.keys()][index] ?? null,
      get length() {
        return items.size;
      },
    };
  };
  for (const name of ["localStorage", "sessionStorage"]) {
    try {
      window[name].setItem("tga.probe", "1");
      window[name].removeItem("tga.probe");
    } catch {
      Object.defineProperty(window, name, { value: memoryStorage(), configurable: true });
    }
  }
  const storage = window.sessionStorage;
  const read = (key) => {
    try {
      return JSON.parse(storage.getItem(key));
    } catch {
      return null;
    }
  };

  // --- launch ------------------------------------------------------------------------------------
  const fragment = Object.fromEntries(new URLSearchParams(location.hash.replace(/^#\??/, "")));
  const fresh = typeof fragment.tgWebAppData === "string" && fragment.tgWebAppData !== "";
  if (fresh) {
    // Telegram's SDK looks here when the address bar has been cleaned.
    storage.setItem("__telegram__initParams", JSON.stringify(fragment));
    history.replaceState(history.state, "", location.pathname + location.search);
  }
  const launch = (fresh ? fragment : read("__telegram__initParams")) ?? {};
  const initData = launch.tgWebAppData ?? "";
  const signed = new URLSearchParams(initData);
  const user = (() => {
    try {
      return JSON.parse(signed.get("user")) ?? {};
    } catch {
      return {};
    }
  })();
  const telegramId = Number.isInteger(user.id) ? String(user.id) : "";

  // The admin panel in an ordinary browser: a link of the bot's has left a cookie there, which this
  // page cannot read but can exchange.
  const panel = !telegramId && /^\/admin(\/|$)/.test(location.pathname);
  if (panel && location.hash === "#signed-in") {
    // somebody has just used a link: whoever was here before has left
    for (const key of ["token", "tga.session.panel"]) storage.removeItem(key);
    history.replaceState(history.state, "", location.pathname + location.search);
  }

  // Several accounts may share one webview: whatever another person left here is dropped,
  // Reflex's own client token included.
  const ownKey = `tga.session.${telegramId || "panel"}`;
  if (fresh && storage.getItem("tga.owner") !== telegramId) {
    for (let i = storage.length - 1; i >= 0; i--) {
      const key = storage.key(i);
      if (key === "token" || key.startsWith("tga.session.")) storage.removeItem(key);
    }
    storage.setItem("tga.owner", telegramId);
  }

  // --- sign-in -----------------------------------------------------------------------------------
  let session = telegramId || panel ? read(ownKey) : null;
  let exchanged = null;

  const remember = (answer) => {
    session = { secret: answer.resume_secret, token: answer.access_token };
    storage.setItem(ownKey, JSON.stringify(session));
    return { secret: session.secret };
  };
  const wait = (ms) => new Promise((done) => setTimeout(done, ms));

  const ask = () =>
    panel
      ? fetch("/api/auth/resume", { method: "POST" })
      : fetch("/api/auth/telegram-webapp", {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ init_data: initData }),
        });
  const post = async () => {
    const answer = await ask();
    if (answer.ok) return remember(await answer.json());
    if (answer.status >= 500 || answer.status === 429) throw new Error(`busy ${answer.status}`);
    if (panel) return { failure: "link", status: answer.status };
    const problem = await answer.json().catch(() => ({}));
    return { failure: problem.code ?? "auth.init_data", status: answer.status };
  };
  const exchange = async () => {
    // a frame without launch data is Telegram Web's, reloaded where storage is blocked
    if (!telegramId && !panel) return { failure: window.parent === window ? "outside" : "auth.reloaded" };
    for (let attempt = 0; attempt < 4; attempt++) {
      try {
        return await post();
      } catch {
        await wait(400 * 2 ** attempt);
      }
    }
    exchanged = null; // the network may come back: the next connection tries again
    return { failure: "offline" };
  };

  /** The resume secret to present on this connection, or why there is none. */
  const credentials = () => {
    if (session?.secret) return Promise.resolve({ secret: session.secret });
    exchanged ??= exchange();
    return exchanged;
  };
  /** The server refused the stored secret: forget it; init data not yet used may still sign in. */
  const refused = () => {
    // another tab of the panel may have made a newer secret; the cookie is good for one more
    const tried = exchanged !== null && !(panel && session);
    if (!tried) exchanged = null;
    session = null;
    storage.removeItem(ownKey);
    if (tried) return Promise.resolve({ failure: "auth.session" });
    return credentials();
  };
  if (telegramId && !session?.secret) credentials();

  // --- theme -------------------------------------------------------------------------------------
  const root = document.documentElement;
  const channels = (hex) => {
    const value = /^#?([0-9a-f]{6})$/i.exec(hex ?? "")?.[1];
    return value ? [0, 2, 4].map((at) => parseInt(value.slice(at, at + 2), 16) / 255) : null;
  };
  const luminance = (hex) => {
    const rgb = channels(hex);
    if (!rgb) return null;
    const [r, g, b] = rgb.map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [a, b] = [luminance(one), luminance(other)];
    return a === null || b === null ? null : (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  const mixed = (hex, pole, share) =>
    `#${channels(hex)
      .map((c) => Math.round((c * (1 - share) + pole * share) * 255).toString(16).padStart(2, "0"))
      .join("")}`;
  /** The colour itself if it can be read on `background`; else white or black, or the nearest mix with them. */
  const readable = (foreground, background, least, mixing) => {
    const found = contrast(foreground, background);
    if (found === null || found >= least) return foreground;
    const pole = contrast("#ffffff", background) >= contrast("#000000", background) ? 1 : 0;
    for (let share = 0.05; mixing && share < 1; share += 0.05) {
      const colour = mixed(foreground, pole, share);
      if (contrast(colour, background) >= least) return colour;
    }
    return pole ? "#ffffff" : "#000000";
  };

  const setScheme = (scheme) => {
    root.dataset.theme = scheme;
    root.style.colorScheme = scheme;
  };

  /** A theme may be any colours: text that cannot be read on its ground is made darker or lighter. */
  const applyTheme = (params) => {
    if (!params) return;
    const theme = { ...params };
    const section = theme.section_bg_color ?? theme.bg_color;
    const page = theme.secondary_bg_color ?? theme.bg_color;
    for (const [name, ground, least] of [
      ["text_color", section, 4.5],
      ["button_text_color", theme.button_color, 3],
      ["hint_color", section, 4.5],
      ["hint_color", page, 4.5],
      ["subtitle_text_color", section, 4.5],
      ["section_header_text_color", page, 4.5],
      ["link_color", section, 3],
      ["accent_text_color", section, 3],
      ["destructive_text_color", section, 4.5],
    ]) {
      const mixing = name !== "text_color" && name !== "button_text_color"; // red stays red, body text is plain
      if (theme[name] && ground) theme[name] = readable(theme[name], ground, least, mixing);
    }
    for (const [name, value] of Object.entries(theme)) {
      if (channels(value)) root.style.setProperty(`--tg-${name.replaceAll("_", "-")}`, value);
    }
    const ground = luminance(theme.bg_color);
    if (ground !== null) setScheme(ground < 0.4 ? "dark" : "light");
  };
  const parse = (json) => {
    try {
      return JSON.parse(json);
    } catch {
      return null;
    }
  };
  setScheme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  applyTheme(parse(launch.tgWebAppThemeParams));

  // --- Telegram's SDK ----------------------------------------------------------------------------
  const platform = launch.tgWebAppPlatform ?? "";
  // Telegram Web runs on phones too; a phone cannot scan the code it shows.
  const handheld = /^(android|ios)/.test(platform) || /Mobi|Android/.test(navigator.userAgent);
  const nativeBar = /^(android|ios|macos|tdesktop)/.test(platform);
  root.dataset.platform = platform === "ios" ? "ios" : "base";
  const language = user.language_code ?? navigator.language ?? "en";
  root.lang = root.dataset.language = /^ru\b/i.test(language) ? "ru" : "en"; // as `language_of` on the server
  let sdkReady;
  const sdk = new Promise((done) => (sdkReady = done));
  const app = () => window.Telegram?.WebApp;
  const supports = (version) => Boolean(telegramId && app()?.isVersionAtLeast?.(version));

  const insets = () => {
    const [safe, content] = [app()?.safeAreaInset ?? {}, app()?.contentSafeAreaInset ?? {}];
    for (const side of ["top", "bottom", "left", "right"]) {
      root.style.setProperty(`--inset-${side}`, `${(safe[side] ?? 0) + (content[side] ?? 0)}px`);
    }
  };
  const viewport = () => {
    const height = app()?.viewportStableHeight;
    if (height) root.style.setProperty("--stable-height", `${height}px`);
  };
  const paintTelegram = () => {
    if (supports("6.1")) {
      app().setHeaderColor("secondary_bg_color");
      app().setBackgroundColor("secondary_bg_color");
    }
    if (supports("7.10")) app().setBottomBarColor("secondary_bg_color");
  };
  const started = () => {
    if (telegramId && app()) {
      app().ready();
      app().expand();
      app().onEvent("themeChanged", () => {
        applyTheme(app().themeParams);
        paintTelegram();
      });
      app().onEvent("viewportChanged", viewport);
      app().onEvent("safeAreaChanged", insets);
      app().onEvent("contentSafeAreaChanged", insets);
      applyTheme(app().themeParams);
      paintTelegram();
      viewport();
      insets();
    }
    sdkReady();
  };
  const script = document.createElement("script");
  script.src = "/tg-sdk.js";
  script.async = true;
  script.onload = started;
  script.onerror = () => sdkReady();
  document.head.append(script);

  // --- what the components use -------------------------------------------------------------------
  const confirmed = (message) =>
    supports("6.2")
      ? new Promise((answer) => app().showConfirm(message, answer))
      : Promise.resolve(window.confirm(message));
  const haptic = (kind) => {
    if (!supports("6.1")) return;
    if (kind === "selection") app().HapticFeedback.selectionChanged();
    else app().HapticFeedback.notificationOccurred(kind);
  };
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const field = Object.assign(document.createElement("textarea"), { value: text });
      field.style.cssText = "position:fixed;opacity:0";
      document.body.append(field);
      field.select();
      const done = document.execCommand("copy");
      field.remove();
      return done;
    }
  };
  const share = (url, text) => {
    const target = `https://t.me/share/url?${new URLSearchParams({ url, text })}`;
    if (supports("6.1")) app().openTelegramLink(target);
    else window.open(target, "_blank", "noopener");
  };
  const close = () => {
    if (telegramId && app()) app().close();
  };
  const openLink = (url) => {
    const own = /^https:\/\/t\.me\//.test(url);
    if (own && supports("6.1")) app().openTelegramLink(url);
    else if (app()?.openLink && telegramId) app().openLink(url);
    else window.open(url, "_blank", "noopener");
  };

  window.tga = Object.freeze({
    credentials,
    refused,
    sdk,
    app,
    supports,
    confirmed,
    haptic,
    copy,
    share,
    openLink,
    close,
    nativeBar: Boolean(telegramId && nativeBar),
    launch: Object.freeze({
      inside: Boolean(telegramId),
      device: handheld ? "phone" : "desktop",
      language,
      start: signed.get("start_param") ?? "",
    }),
  });
})();
