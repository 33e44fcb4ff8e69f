"""What the bot writes first: short messages about the account and the channels."""

TEXTS = {
    "notifications.account.connected": "Your account is connected. Now choose the channels you want answers from.",
    "notifications.account.ended": "Telegram ended the session of your account. The posts loaded so far are kept, new ones "
    "do not arrive. Connect the account again when it suits you.",
    "notifications.account.ended.FROZEN": "Telegram has frozen your account. The assistant stopped at once and asks Telegram "
    "nothing more. The posts loaded so far are kept. Telegram shows in its app how to appeal; afterwards connect the "
    "account again.",
    "notifications.account.ended.USER_DEACTIVATED_BAN": "Telegram has banned your account. The assistant stopped at once and asks "
    "Telegram nothing more. The posts loaded so far are kept. You can appeal to recover@telegram.org.",
    "notifications.account.ended.USER_DEACTIVATED": "Your Telegram account has been deleted or deactivated, so no new posts "
    "arrive. The posts loaded so far are kept.",
    "notifications.account.ended.AUTH_KEY_DUPLICATED": "Telegram ended your session because its key was used from two places at "
    "once. The posts loaded so far are kept, new ones do not arrive. Connect the account again; if this repeats, tell "
    "your administrator.",
    "notifications.account.ended.SESSION_PASSWORD_NEEDED": "Telegram asks for your password again, probably because it was "
    "changed. The posts loaded so far are kept, new ones do not arrive. Connect the account again when it suits you.",
    "notifications.account.key_missing": "The saved session of your account no longer opens on this server. The posts loaded so "
    "far are kept, new ones do not arrive. End the session “Telegram Assistant” in Telegram (Settings → Devices) and "
    "connect the account again.",
    "notifications.channels.access_back": "Your account can read the channel <b>{title}</b> again. Its posts are back in your "
    "answers, and those you missed are being loaded.",
    "notifications.channels.access_lost": "Your account no longer has access to the channel <b>{title}</b>, so its posts are "
    "hidden from your answers. They come back if access does.",
    "notifications.group.deleted": "The group <b>{group}</b> was deleted by its owner with everything in it, and your account "
    "was logged out. You need a new invite to go on.",
}
