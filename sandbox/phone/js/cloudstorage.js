// CloudStorage and the other custom methods of a Mini App, kept per person and bot in this browser.

const MAX_KEYS = 1024; // Telegram's limits: https://core.telegram.org/bots/webapps#cloudstorage
const MAX_VALUE = 4096;
const KEY = /^[A-Za-z0-9_-]{1,128}$/;

function open(session) {
  const name = `phone.${session.key}.cloud.${session.bot.id}`;
  const values = JSON.parse(localStorage.getItem(name) ?? "{}");
  return { values, save: () => localStorage.setItem(name, JSON.stringify(values)) };
}

function check(condition, code) {
  if (!condition) throw new Error(code);
}

const METHODS = {
  saveStorageValue(session, { key, value }) {
    const store = open(session);
    check(KEY.test(key), "KEY_INVALID");
    check(typeof value === "string" && value.length <= MAX_VALUE, "VALUE_INVALID");
    check(key in store.values || Object.keys(store.values).length < MAX_KEYS, "QUOTA_EXCEEDED");
    store.values[key] = value;
    store.save();
    return true;
  },
  getStorageValues(session, { keys }) {
    const { values } = open(session);
    return Object.fromEntries(keys.map((key) => [key, values[key] ?? ""]));
  },
  deleteStorageValues(session, { keys }) {
    const store = open(session);
    for (const key of keys) delete store.values[key];
    store.save();
    return true;
  },
  getStorageKeys: (session) => Object.keys(open(session).values),
};

/** → {result} or {error}, as in custom_method_invoked. */
export function invoke(session, method, params) {
  if (!Object.hasOwn(METHODS, method)) return { error: "METHOD_NOT_FOUND" };
  try {
    return { result: METHODS[method](session, params ?? {}) };
  } catch (error) {
    return { error: error.message };
  }
}
