"""The errors which mean that Telegram has ended a session or frozen its account, so that no retry is allowed.

Sources: https://core.telegram.org/api/errors (401, 406), https://core.telegram.org/api/auth#frozen-accounts
(420), and the transport error −404.
"""

from telethon import errors
from telethon.errors.common import AuthKeyNotFound

from tg_assistant.core.accounts.accounts import FROZEN

_REASONS: dict[type[Exception], str] = {
    errors.AuthKeyUnregisteredError: "AUTH_KEY_UNREGISTERED",
    errors.SessionRevokedError: "SESSION_REVOKED",
    errors.SessionExpiredError: "SESSION_EXPIRED",
    errors.SessionPasswordNeededError: "SESSION_PASSWORD_NEEDED",  # once logged in: the password was changed
    errors.AuthKeyInvalidError: "AUTH_KEY_INVALID",
    errors.AuthKeyDuplicatedError: "AUTH_KEY_DUPLICATED",
    errors.UserDeactivatedError: "USER_DEACTIVATED",
    errors.UserDeactivatedBanError: "USER_DEACTIVATED_BAN",
    errors.FrozenMethodInvalidError: FROZEN,
    AuthKeyNotFound: "AUTH_KEY_NOT_FOUND",
}
_OTHER = "UNAUTHORIZED"  # any other 401: the session is not accepted, for a reason that is not listed above


class SessionEnded(Exception):
    """Telegram ended this session earlier; nothing was sent."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


ENDED = (*_REASONS, errors.UnauthorizedError, SessionEnded)


def ended_by(error: BaseException) -> str | None:
    """Telegram's reason if the error is final for a session that is logged in; None otherwise."""
    if isinstance(error, SessionEnded):
        return error.reason
    known = next((reason for kind, reason in _REASONS.items() if isinstance(error, kind)), None)
    return known or (_OTHER if isinstance(error, errors.UnauthorizedError) else None)
