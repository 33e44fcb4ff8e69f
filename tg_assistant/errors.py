"""The one error tree. Core raises these; each door translates them once.

AssistantError(code, retry_after, **values)
├── SignInNeeded   401
├── NotAllowed     403
├── NotFound       404
├── AlreadyExists  409
├── Conflict       409
├── InviteSpent    410
├── Invalid        422
├── LimitReached   429
└── Unavailable    503
"""

from typing import Any, ClassVar


class AssistantError(Exception):
    """An error that may be shown to a person.

    `code` is stable ("channels.not_a_channel"); its sentence is the text `errors.<code>` in the person's
    language, formatted with `values`. `retry_after` is in seconds.
    """

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"

    def __init__(self, code: str, *, retry_after: float | None = None, **values: Any) -> None:
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after
        self.values = values


class SignInNeeded(AssistantError):
    status = 401
    title = "Sign-in needed"


class NotAllowed(AssistantError):
    status = 403
    title = "Not allowed"


class NotFound(AssistantError):
    status = 404
    title = "Not found"


class AlreadyExists(AssistantError):
    status = 409
    title = "Already exists"


class Conflict(AssistantError):
    """The object to be changed is not, or no longer, in the state that the caller assumes."""

    status = 409
    title = "Conflict"


class InviteSpent(AssistantError):
    status = 410
    title = "Invite spent"


class Invalid(AssistantError):
    status = 422
    title = "Invalid input"


class LimitReached(AssistantError):
    """Too many uses. `policy`: rule name, number of uses, window in seconds; None for Telegram's limits."""

    status = 429
    title = "Limit reached"

    def __init__(
        self, code: str, *, policy: tuple[str, int, int] | None = None, retry_after: float, **values: Any
    ) -> None:
        super().__init__(code, retry_after=retry_after, **values)
        self.policy = policy


class Unavailable(AssistantError):
    status = 503
    title = "Unavailable"
