"""Telegram links that lead to something other than a channel, each refused by what it is."""

from tg_assistant.errors import Invalid

# First words of t.me/…, which are nobody's name: https://core.telegram.org/api/links
_PATHS = {
    "addemoji", "addlist", "addstickers", "addstyle", "addtheme", "auction", "bg", "boost", "call",
    "confirmphone", "contact", "giftcode", "invoice", "iv", "joinchat", "login", "m", "msg", "newbot", "nft",
    "proxy", "setlanguage", "share", "socks",
}  # fmt: skip
# Actions of tg://…, beside those that are paths, too
_ACTIONS = _PATHS | {
    "join", "message", "msg_url", "openmessage", "passport", "premium_multigift", "premium_offer",
    "restore_purchases", "settings", "stargift_auction", "stars", "stars_topup", "user",
}  # fmt: skip


def is_reserved(name: str) -> bool:
    """Tell whether no chat can have this name, because links begin with it."""
    return name.lower() in _PATHS


def refuse_kind(word: str, *, action: bool = False) -> None:
    """Raise Invalid if t.me/WORD/…, or with `action` tg://WORD?…, leads to no channel, whichever it is."""
    word = word.lower()
    if not word.startswith("$") and word not in (_ACTIONS if action else _PATHS):
        return
    match word:
        case "joinchat" | "join":
            raise Invalid("channels.invite_link")
        case "addstickers" | "addemoji":
            raise Invalid("channels.is_stickers")
        case "addlist":
            raise Invalid("channels.is_folder")
        case "proxy" | "socks":
            raise Invalid("channels.is_proxy")
        case "contact" | "user" | "m" | "message" | "openmessage":
            raise Invalid("channels.is_person")
        case "confirmphone":
            raise Invalid("channels.is_phone")
        case _:
            raise Invalid("channels.is_other_link")
