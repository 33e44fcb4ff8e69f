// The phone's door to the sandbox: JSON calls and the stream of events, nothing else.

export class ApiError extends Error {
  constructor(status, code, message) {
    super(message || code || `HTTP ${status}`);
    this.status = status;
    this.code = code || "UNKNOWN";
  }
}

const EVENTS = [
  "message", "message_edited", "message_deleted", "draft", "chat_action", "post", "post_edited", "post_deleted",
  "devices", "scanner", "settings", "commands", "menu_button", "login_code", "notice",
];

export async function request(method, path, body) {
  let response;
  try {
    response = await fetch(`/phone-api${path}`, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new ApiError(0, "OFFLINE", "No connection");
  }
  const data = await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(response.status, data?.code, data?.error);
  return data;
}

const query = (params) =>
  "?" + new URLSearchParams(Object.entries(params).filter(([, v]) => v !== undefined && v !== null));

export function createApi(person) {
  const at = (path) => `/${encodeURIComponent(person)}${path}`;
  const get = (path) => request("GET", at(path));
  const post = (path, body = {}) => request("POST", at(path), body);
  const del = (path) => request("DELETE", at(path));
  return {
    me: () => get("/me"),
    saveSettings: (changes) => request("PATCH", at("/settings"), changes),
    setPassword: (password, hint) => request("PUT", at("/two-factor"), { password, hint }),
    dropPassword: () => del("/two-factor"),
    loginCode: () => get("/login-code"),
    chats: () => get("/chats"),
    bot: () => get("/bot"),
    botMessages: (before) => get(`/bot/messages${query({ before_id: before, limit: 50 })}`),
    sendToBot: (body) => post("/bot/messages", body),
    clearBot: () => del("/bot/messages"),
    startBot: (param) => post("/bot/start", param ? { start_param: param } : {}),
    callback: (message_id, data) => post("/bot/callback", { message_id, data }),
    blockBot: (blocked) => post("/bot/block", { blocked }),
    commands: () => get("/bot/commands"),
    menuButton: () => get("/bot/menu-button"),
    webApp: (body) => post("/bot/web-app", body),
    webAppData: (data, button_text) => post("/bot/web-app-data", { data, button_text }),
    channels: () => get("/channels"),
    searchChannels: (q) => get(`/channels/search${query({ q })}`),
    channel: (id) => get(`/channels/${id}`),
    posts: (id, before, limit = 50) => get(`/channels/${id}/posts${query({ before_id: before, limit })}`),
    createChannel: (body) => post("/channels", body),
    writePost: (id, text) => post(`/channels/${id}/posts`, { text }),
    editPost: (id, post_id, text) => request("PATCH", at(`/channels/${id}/posts/${post_id}`), { text }),
    deletePost: (id, post_id) => del(`/channels/${id}/posts/${post_id}`),
    join: (id) => post(`/channels/${id}/join`),
    leave: (id) => post(`/channels/${id}/leave`),
    devices: () => get("/devices"),
    terminate: (hash) => del(`/devices/${encodeURIComponent(hash)}`),
    terminateAll: () => del("/devices"),
    scanner: () => get("/scanner"),
    scan: (token) => post("/scanner", { token }),
    openLink: (url) => post("/open-link", { url }),
    stream: (on) => openStream(`/phone-api${at("/events")}`, on),
  };
}

/** Server-sent events that survive a dead server: on.event(name, data), on.online(), on.offline(). */
function openStream(url, on) {
  let source, retry;
  const connect = () => {
    source = new EventSource(url);
    source.onopen = () => on.online();
    source.onerror = () => {
      on.offline();
      source.close(); // the browser's own retry waits three seconds and gives up on an error answer
      retry = setTimeout(connect, 700);
    };
    for (const name of EVENTS)
      source.addEventListener(name, (event) => on.event(name, event.data ? JSON.parse(event.data) : {}));
  };
  connect();
  return () => {
    clearTimeout(retry);
    source.close();
  };
}
