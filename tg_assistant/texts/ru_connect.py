"""Русский: страница второго экрана."""

TEXTS = {
    "connect.admin_button": "Войти в панель",
    "connect.admin_next": "Отправьте боту /admin: он пришлёт новую ссылку.",
    "connect.admin_text": "Этот браузер откроет панель управления от имени «{who}» на 12 часов.",
    "connect.admin_title": "Вход в панель управления",
    "connect.cancel": "Отменить",
    "connect.closed_next": "Откройте приложение в Telegram и начните заново: вы получите новую ссылку.",
    "connect.closed_title": "Ссылка больше не действует",
    "connect.explain.authorized": "Аккаунт подключён. Вернитесь в Telegram и выберите каналы; страницу "
    "закройте.",
    "connect.explain.awaiting_scan": "Сканируйте код из Telegram, а не обычной камерой телефона.",
    "connect.explain.cancelled": "Ничего не подключено. Можно начать заново из приложения.",
    "connect.explain.expired": "Время вышло, ничего не подключено. Начните заново из приложения.",
    "connect.explain.failed": "Ничего не подключено. Начните заново из приложения.",
    "connect.explain.password_required": "У вашего аккаунта включена двухэтапная аутентификация. Введите её пароль здесь.",
    "connect.explain.pending": "Запрашиваем код входа у Telegram.",
    "connect.for": "Для: {who}",
    "connect.link_button": "Показать код входа",
    "connect.link_not_you": "Это не вы? Закройте страницу. Ничего не произошло.",
    "connect.link_text": "Ассистент сможет читать каналы, на которые подписан аккаунт «{who}». Он ничего "
    "не пишет, "
    "не вступает и не отвечает за вас; отключить его можно в любой момент.",
    "connect.link_title": "Подключить Telegram-аккаунт: {who}",
    "connect.noscript": "Чтобы показать код входа, странице нужен JavaScript. Включите его и обновите страницу.",
    "connect.offline": "Нет связи. Продолжаем попытки.",
    "connect.password_button": "Продолжить",
    "connect.password_hint": "Подсказка:",
    "connect.password_label": "Пароль двухэтапной аутентификации",
    "connect.password_note": "Пароль передаётся зашифрованным, используется один раз и нигде не хранится.",
    "connect.password_wrong": {
        "one": "Пароль не подошёл. Осталась {n} попытка.",
        "few": "Пароль не подошёл. Осталось {n} попытки.",
        "many": "Пароль не подошёл. Осталось {n} попыток.",
    },
    "connect.qr_alt": "Код входа в Telegram",
    "connect.reason.access_ended": "Владелец ассистента закрыл вам доступ. Мы сразу вышли из аккаунта и "
    "ничего не сохранили. Чтобы вернуть доступ, напишите владельцу.",
    "connect.reason.flood_wait": {
        "one": "Telegram просит подождать {n} секунду. Потом продолжим автоматически.",
        "few": "Telegram просит подождать {n} секунды. Потом продолжим автоматически.",
        "many": "Telegram просит подождать {n} секунд. Потом продолжим автоматически.",
    },
    "connect.reason.other": "Ничего не подключено. Начните заново из приложения.",
    "connect.reason.ownership_mismatch": "Код отсканирован другим аккаунтом Telegram. Мы сразу вышли из "
    "него и "
    "ничего не сохранили. Начните заново и сканируйте своим аккаунтом.",
    "connect.reason.password_attempts": "Три неверных пароля. Ничего не подключено. Проверьте пароль в "
    "настройках "
    "Telegram и начните заново из приложения.",
    "connect.reason.replaced": "В приложении начато новое подключение. Откройте ссылку из него.",
    "connect.reason.session_ended": "Вход, с которого начали подключение, завершён. Ничего не подключено. Начните заново из приложения.",
    "connect.reason.telegram_unavailable": "Telegram сейчас не отвечает. Продолжаем попытки.",
    "connect.seconds_left": "Новый код через {n} с",
    "connect.state.authorized": "Подключено",
    "connect.state.awaiting_scan": "Отсканируйте код",
    "connect.state.cancelled": "Отменено",
    "connect.state.expired": "Время вышло",
    "connect.state.failed": "Не подключено",
    "connect.state.password_required": "Ещё один шаг",
    "connect.state.pending": "Готовим код",
    "connect.step_devices": "Настройки → Устройства → Подключить устройство",
    "connect.step_open": "Откройте Telegram на телефоне",
    "connect.step_scan": "Наведите камеру на этот код",
    "connect.title": "Подключение аккаунта",
}
