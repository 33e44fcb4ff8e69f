// Every sentence of the phone itself, ru and en. What the bot and the Mini App say is theirs.

const ru = {
  connecting: "Соединение…", chooseTitle: "Чей телефон открыть?",
  chooseText: "Это Telegram песочницы: он работает только на этом компьютере. Каждый телефон можно открыть в своей вкладке.",
  search: "Поиск", chats: "Чаты", found: "Публичные каналы", nothing: "Ничего не найдено", noChats: "Чатов пока нет",
  nothingText: "Попробуйте другое название или @имя.", pickChat: "Выберите чат", switchPerson: "Другой человек",
  settings: "Настройки", back: "Назад", close: "Закрыть", cancel: "Отмена", ok: "ОК", done: "Готово", more: "Ещё",
  bot: "бот", typing: "печатает", start: "НАЧАТЬ", restart: "ПЕРЕЗАПУСТИТЬ", unblock: "РАЗБЛОКИРОВАТЬ",
  whatBotDoes: "Что умеет этот бот?", message: "Сообщение", broadcast: "Написать в канал", send: "Отправить",
  menu: "Меню", commands: "Команды", edited: "изменено", forwardedFrom: "Переслано из", today: "Сегодня",
  yesterday: "Вчера", reply: "Ответить", copyText: "Скопировать текст", copyLink: "Скопировать ссылку",
  copied: "Скопировано", forwardToBot: "Переслать боту", forwarded: "Переслано боту", edit: "Изменить", remove: "Удалить",
  deletePost: "Удалить публикацию?", deletePostText: "Она исчезнет у всех подписчиков.", editing: "Редактирование",
  join: "ВСТУПИТЬ", leave: "Покинуть канал", leaveTitle: "Покинуть канал?", leaveText: "Канал исчезнет из списка чатов.",
  muted: "Писать может только владелец", empty: "Здесь пока нет публикаций", botSilent: "Бот не ответил за 10 секунд",
  clearHistory: "Очистить историю", blockBot: "Остановить бота", blocked: "Бот остановлен", noSuchChat: "Такого чата нет",
  noPost: "Этой публикации больше нет", photo: "Фотография", album: "Альбом", document: "Файл", you: "Вы",
  newChannel: "Новый канал", channelTitle: "Название", channelName: "Ссылка (необязательно)", channelAbout: "Описание",
  channelPrivate: "Закрытый канал", create: "Создать канал", privateChannel: "закрытый",
  devices: "Устройства", devicesHint: "Здесь видно, где ещё открыт ваш аккаунт.", linkDevice: "Подключить устройство",
  linkText: "Отсканируйте код, который показан на экране компьютера.", thisDevice: "Это устройство", thisPhone: "Телефон песочницы",
  activeSessions: "Активные сеансы", incomplete: "Незавершённая попытка входа", incompleteText: "Код отсканирован, пароль ещё не введён",
  noSessions: "Других сеансов нет.", online: "в сети", terminate: "Завершить", terminateTitle: "Завершить сеанс?",
  terminateText: "Устройство «{device}» потеряет доступ к аккаунту.", terminateAll: "Завершить все другие сеансы",
  terminateAllText: "Останется только этот телефон.", terminated: "Сеанс завершён",
  scanTitle: "Сканирование кода", scanHint: "Наведите камеру на код входа", scanNear: "Коды на экранах рядом",
  scanNothing: "Рядом нет кодов", scanNothingText: "Откройте вход по QR на другом экране: код появится здесь сам.",
  scanSeconds: "{n} с", scanAsk: "Войти на «{device}»?", scanAskText: "Устройство получит доступ к вашим чатам. Продолжайте, только если код показали вы сами.",
  scanConfirm: "Подтвердить вход", scanDone: "Устройство подключено", scanPassword: "Введите пароль на экране, где был код",
  AUTH_TOKEN_EXPIRED: "Код устарел. Отсканируйте новый.", AUTH_TOKEN_INVALID: "Этот код больше не показан.",
  AUTH_TOKEN_ALREADY_ACCEPTED: "Этот код уже отсканирован.", OFFLINE: "Нет соединения. Попробуйте ещё раз.",
  CHAT_ADMIN_REQUIRED: "Писать в канал может только владелец.", UNKNOWN: "Не получилось. Попробуйте ещё раз.",
  twofa: "Двухэтапная аутентификация", twofaOn: "Включена", twofaOff: "Выключена",
  twofaText: "При входе на новом устройстве Telegram спросит этот пароль после сканирования кода.", password: "Пароль",
  passwordHint: "Подсказка", twofaSave: "Включить пароль", twofaChange: "Сменить пароль", twofaDrop: "Отключить пароль",
  twofaDropText: "Для входа снова хватит одного кода.", twofaSaved: "Пароль включён", twofaDropped: "Пароль отключён",
  twofaShort: "Введите хотя бы один символ.", hintIs: "Подсказка: {hint}",
  appearance: "Оформление", light: "Светлое", dark: "Тёмное", language: "Язык", platform: "Устройство для Mini App",
  platformHint: "Что Mini App узнаёт о клиенте Telegram. На компьютере код входа показывается прямо в нём.",
  account: "Аккаунт", openApp: "Открыть", reload: "Обновить страницу", miniApp: "мини-приложение", minimize: "Свернуть",
  appSettings: "Настройки", closeAnyway: "Всё равно закрыть", closeText: "Изменения могут не сохраниться.",
  appFailed: "Приложение не открылось", writeAccess: "Разрешить боту писать вам?", allow: "Разрешить",
  phoneAccess: "Песочница не передаёт номер телефона.", unsupported: "Здесь это не поддерживается",
  download: "Скачать файл «{name}»?", downloadDo: "Скачать", shareTo: "Отправить ссылку", shared: "Отправлено",
  warning: "Осторожно", openLink: "Открыть ссылку?", service: "Telegram", serviceStatus: "служебные уведомления", serviceEmpty: "Уведомлений пока нет",
  loginCodeText: "Код для входа: {code}. Никому его не сообщайте, даже если просят от имени Telegram.",
  agoNow: "только что", minutesAgo: "{n} мин назад", hoursAgo: "{n} ч назад",
  members: { one: "{n} участник", few: "{n} участника", many: "{n} участников", other: "{n} участника" },
  subscribers: { one: "{n} подписчик", few: "{n} подписчика", many: "{n} подписчиков", other: "{n} подписчика" },
};

const en = {
  connecting: "Connecting…", chooseTitle: "Whose phone?",
  chooseText: "This is the sandbox's Telegram: it lives on this computer only. Each phone can be open in its own tab.",
  search: "Search", chats: "Chats", found: "Public channels", nothing: "Nothing found", noChats: "No chats yet",
  nothingText: "Try another title or @name.", pickChat: "Select a chat", switchPerson: "Another person",
  settings: "Settings", back: "Back", close: "Close", cancel: "Cancel", ok: "OK", done: "Done", more: "More",
  bot: "bot", typing: "typing", start: "START", restart: "RESTART", unblock: "UNBLOCK",
  whatBotDoes: "What can this bot do?", message: "Message", broadcast: "Broadcast a message", send: "Send",
  menu: "Menu", commands: "Commands", edited: "edited", forwardedFrom: "Forwarded from", today: "Today",
  yesterday: "Yesterday", reply: "Reply", copyText: "Copy text", copyLink: "Copy link",
  copied: "Copied", forwardToBot: "Forward to the bot", forwarded: "Forwarded to the bot", edit: "Edit", remove: "Delete",
  deletePost: "Delete this post?", deletePostText: "It disappears for every subscriber.", editing: "Editing",
  join: "JOIN", leave: "Leave channel", leaveTitle: "Leave the channel?", leaveText: "It disappears from your chat list.",
  muted: "Only the owner can post", empty: "No posts here yet", botSilent: "The bot did not answer within 10 seconds",
  clearHistory: "Clear history", blockBot: "Stop bot", blocked: "Bot stopped", noSuchChat: "There is no such chat",
  noPost: "This post no longer exists", photo: "Photo", album: "Album", document: "File", you: "You",
  newChannel: "New channel", channelTitle: "Title", channelName: "Link (optional)", channelAbout: "Description",
  channelPrivate: "Private channel", create: "Create channel", privateChannel: "private",
  devices: "Devices", devicesHint: "Where else your account is open.", linkDevice: "Link Desktop Device",
  linkText: "Scan the code shown on a computer's screen.", thisDevice: "This device", thisPhone: "Sandbox phone",
  activeSessions: "Active sessions", incomplete: "Incomplete login attempt", incompleteText: "Code scanned, password not entered yet",
  noSessions: "No other sessions.", online: "online", terminate: "Terminate", terminateTitle: "Terminate this session?",
  terminateText: "“{device}” loses access to your account.", terminateAll: "Terminate all other sessions",
  terminateAllText: "Only this phone stays signed in.", terminated: "Session terminated",
  scanTitle: "Scan code", scanHint: "Point the camera at a login code", scanNear: "Codes on screens nearby",
  scanNothing: "No codes nearby", scanNothingText: "Open login by QR on another screen: the code appears here by itself.",
  scanSeconds: "{n} s", scanAsk: "Log in on “{device}”?", scanAskText: "It gets access to your chats. Continue only if you opened this code yourself.",
  scanConfirm: "Confirm login", scanDone: "Device linked", scanPassword: "Enter your password on the screen with the code",
  AUTH_TOKEN_EXPIRED: "The code has expired. Scan a new one.", AUTH_TOKEN_INVALID: "This code is no longer shown.",
  AUTH_TOKEN_ALREADY_ACCEPTED: "This code was scanned already.", OFFLINE: "No connection. Try again.",
  CHAT_ADMIN_REQUIRED: "Only the owner can post in this channel.", UNKNOWN: "That did not work. Try again.",
  twofa: "Two-step verification", twofaOn: "On", twofaOff: "Off",
  twofaText: "On a new device Telegram asks for this password after the code is scanned.", password: "Password",
  passwordHint: "Hint", twofaSave: "Turn password on", twofaChange: "Change password", twofaDrop: "Turn password off",
  twofaDropText: "A code alone will be enough to log in again.", twofaSaved: "Password is on", twofaDropped: "Password is off",
  twofaShort: "Enter at least one character.", hintIs: "Hint: {hint}",
  appearance: "Appearance", light: "Light", dark: "Dark", language: "Language", platform: "Device for Mini Apps",
  platformHint: "What a Mini App learns about the Telegram client. On a computer it shows the login code itself.",
  account: "Account", openApp: "Open", reload: "Reload page", miniApp: "mini app", minimize: "Minimize",
  appSettings: "Settings", closeAnyway: "Close anyway", closeText: "Changes may not be saved.",
  appFailed: "The app did not open", writeAccess: "Allow the bot to message you?", allow: "Allow",
  phoneAccess: "The sandbox does not share phone numbers.", unsupported: "Not supported here",
  download: "Download “{name}”?", downloadDo: "Download", shareTo: "Share link", shared: "Sent",
  warning: "Careful", openLink: "Open this link?", service: "Telegram", serviceStatus: "service notifications", serviceEmpty: "No notifications yet",
  loginCodeText: "Login code: {code}. Do not give it to anyone, even if they say they are from Telegram.",
  agoNow: "just now", minutesAgo: "{n} min ago", hoursAgo: "{n} h ago",
  members: { one: "{n} member", other: "{n} members" },
  subscribers: { one: "{n} subscriber", other: "{n} subscribers" },
};

const LANGUAGES = { ru, en };

/** translator("ru") → t("leave"), t("terminateText", {device}), t("subscribers", {n: 3}) */
export function translator(language) {
  const strings = LANGUAGES[language] ?? en;
  const plural = new Intl.PluralRules(language);
  const number = new Intl.NumberFormat(language);
  return (key, vars = {}) => {
    let text = strings[key] ?? en[key] ?? key;
    if (typeof text === "object") text = text[plural.select(vars.n)] ?? text.other;
    return text.replace(/\{(\w+)\}/g, (_, name) =>
      typeof vars[name] === "number" ? number.format(vars[name]) : (vars[name] ?? ""));
  };
}

export const isKnown = (key) => key in en;
