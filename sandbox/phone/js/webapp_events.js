// What a Mini App may ask of Telegram, by the names in telegram-web-app.js, and what it is answered.
import { invoke } from "./cloudstorage.js";
import { confirm, popup, toast } from "./modal.js";

const ZERO = { top: 0, bottom: 0, left: 0, right: 0 };
const UNSUPPORTED = { error: "UNSUPPORTED" };

/** Requests this client cannot serve, with the answer the SDK waits for. */
const REFUSED = {
  web_app_request_fullscreen: ["fullscreen_failed", UNSUPPORTED],
  web_app_check_home_screen: ["home_screen_checked", { status: "unsupported" }],
  web_app_add_to_home_screen: ["home_screen_failed", UNSUPPORTED],
  web_app_biometry_get_info: ["biometry_info_received", { available: false }],
  web_app_check_location: ["location_checked", { available: false }],
  web_app_request_location: ["location_requested", { available: false }],
  web_app_start_accelerometer: ["accelerometer_failed", UNSUPPORTED],
  web_app_start_device_orientation: ["device_orientation_failed", UNSUPPORTED],
  web_app_start_gyroscope: ["gyroscope_failed", UNSUPPORTED],
  web_app_open_scan_qr_popup: ["scan_qr_popup_closed", {}],
  web_app_send_prepared_message: ["prepared_message_failed", UNSUPPORTED],
  web_app_set_emoji_status: ["emoji_status_failed", UNSUPPORTED],
  web_app_request_emoji_status_access: ["emoji_status_access_requested", { status: "cancelled" }],
};

const storageRefused = (kind) => (app, { req_id }) => app.send(`${kind}_storage_failed`, { req_id, ...UNSUPPORTED });
const STORAGE = Object.fromEntries(["device", "secure"].flatMap((kind) =>
  ["save_key", "get_key", "clear", "restore_key"].map((action) => [`web_app_${kind}_storage_${action}`, storageRefused(kind)])));

const color = (part) => (app, data) => {
  app.chrome.colors[part] = data.color ?? data.color_key;
  app.chrome.repaint();
};

const bottom = (name) => (app, data) => {
  app.chrome[name].set(data);
  app.chrome.layout();
};

export const HANDLERS = {
  ...Object.fromEntries(Object.entries(REFUSED).map(([name, [event, data]]) => [name, (app) => app.send(event, data)])),
  ...STORAGE,
  iframe_ready: (app, data) => { app.reloads = Boolean(data.reload_supported); },
  iframe_will_reload: (app) => { app.willReload = true; },
  web_app_ready: (app) => app.chrome.loaded(),
  web_app_expand: (app) => app.viewport(),
  web_app_close: (app) => app.close(true),
  web_app_request_theme: (app) => app.theme(),
  web_app_request_viewport: (app) => app.viewport(),
  web_app_request_safe_area: (app) => app.send("safe_area_changed", ZERO),
  web_app_request_content_safe_area: (app) => app.send("content_safe_area_changed", ZERO),
  web_app_setup_main_button: bottom("main"),
  web_app_setup_secondary_button: bottom("secondary"),
  web_app_setup_back_button: (app, data) => {
    app.backShown = Boolean(data.is_visible);
    app.chrome.back(app.backShown);
  },
  web_app_setup_settings_button: (app, data) => { app.settingsShown = Boolean(data.is_visible); },
  web_app_setup_closing_behavior: (app, data) => { app.guarded = Boolean(data.need_confirmation); },
  web_app_setup_swipe_behavior: () => {},
  web_app_set_header_color: color("header"),
  web_app_set_background_color: color("background"),
  web_app_set_bottom_bar_color: color("bottom"),
  web_app_trigger_haptic_feedback: haptic,
  web_app_open_popup: openPopup,
  web_app_open_link: (app, data) => app.openUrl(data.url),
  web_app_open_tg_link: (app, data) => {
    app.minimize();
    app.openUrl(`https://t.me${data.path_full}`);
  },
  web_app_data_send: sendData,
  web_app_invoke_custom_method: (app, { req_id, method, params }) =>
    app.send("custom_method_invoked", { req_id, ...invoke(app.session, method, params) }),
  // Telegram gives the clipboard to apps from the attachment menu only; others get null.
  web_app_read_text_from_clipboard: (app, { req_id }) => app.send("clipboard_text_received", { req_id, data: null }),
  web_app_switch_inline_query: (app) => toast(app.session.t("unsupported")),
  web_app_share_to_story: (app) => toast(app.session.t("unsupported")),
  web_app_open_invoice: (app, { slug }) => app.send("invoice_closed", { slug, status: "failed" }),
  web_app_request_write_access: writeAccess,
  web_app_request_phone: (app) => {
    toast(app.session.t("phoneAccess"));
    app.send("phone_requested", { status: "cancelled" });
  },
  web_app_request_file_download: download,
};

function haptic(app, data) {
  const words = [data.type, data.impact_style ?? data.notification_type].filter(Boolean).join(" ");
  app.haptics += 1;
  app.chrome.pulse(app.haptics, words);
  navigator.vibrate?.(data.type === "notification" ? [12, 40, 12] : 10);
}

async function openPopup(app, data) {
  const { t } = app.session;
  const native = { ok: t("ok"), close: t("close"), cancel: t("cancel") };
  const kinds = { destructive: "destructive", ok: "primary", default: "primary" };
  const id = await popup({
    title: data.title, text: data.message, testid: "webapp-popup",
    buttons: (data.buttons ?? [{ id: "", type: "close" }]).map((b, i) => ({
      id: b.id ?? "", text: native[b.type] ?? b.text, kind: kinds[b.type], testid: `popup-${b.id || b.type || i}` })),
  });
  app.send("popup_closed", id === null ? {} : { button_id: id });
}

async function sendData(app, { data }) {
  if (app.request.source !== "keyboard") return;
  try {
    await app.session.api.webAppData(data, app.request.button_text ?? "");
    app.close(true);
  } catch (error) {
    toast(app.session.words(error));
  }
}

async function writeAccess(app) {
  const { session } = app;
  const sure = session.bot.started || (await confirm(session, { text: session.t("writeAccess"), action: session.t("allow"),
    destructive: false, testid: "allow-write" }));
  app.send("write_access_requested", { status: sure ? "allowed" : "cancelled" });
}

async function download(app, { url, file_name: name }) {
  const { session } = app;
  const sure = await confirm(session, { text: session.t("download", { name }), action: session.t("downloadDo"), destructive: false,
    testid: "download-confirm" });
  app.send("file_download_requested", { status: sure ? "downloading" : "cancelled" });
  if (sure) window.open(url, "_blank", "noopener");
}
