"""The errors which mean that Telegram has ended a session for good, so that no retry is allowed.

Source: https://core.telegram.org/api/errors (401, 406) and the transport error −404.
"""

from telethon import errors
from telethon.errors.common import AuthKeyNotFound

_REASONS: dict[type[Exception], str] = {
    errors.AuthKeyUnregisteredError: "AUTH_KEY_UNREGISTERED",
    errors.SessionRevokedError: "SESSION_REVOKED",
    errors.SessionExpiredError: "SESSION_EXPIRED",
    errors.AuthKeyInvalidError: "AUTH_KEY_INVALID",
    errors.AuthKeyDuplicatedError: "AUTH_KEY_DUPLICATED",
    errors.UserDeactivatedError: "USER_DEACTIVATED",
    errors.UserDeactivatedBanError: "USER_DEACTIVATED_BAN",
    AuthKeyNotFound: "AUTH_KEY_NOT_FOUND",
}


class SessionEnded(Exception):
    """Telegram ended this session earlier; nothing was sent."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


ENDED = (*_REASONS, SessionEnded)


def ended_by(error: BaseException) -> str | None:
    """Telegram's reason if the error is final for the session; None otherwise."""
    if isinstance(error, SessionEnded):
        return error.reason
    return next((reason for kind, reason in _REASONS.items() if isinstance(error, kind)), None)
