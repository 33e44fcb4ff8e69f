"""A login attempt as the second screen's page shows it: sentences and the QR code."""

import base64
from typing import Any

from tg_assistant import texts
from tg_assistant.core.accounts import qr
from tg_assistant.infra.runtime import Runtime
from tg_assistant.models import Login, LoginStatus

PASSWORD_TRIES = 3


def state_of(login: Login, language: str, rt: Runtime) -> dict[str, Any]:
    """JSON for the page: status (which view to show), sentences, QR as a data URI, seconds left of the QR.

    `qr` is None unless a scan is awaited; `tries_left` counts password tries.
    """
    status = LoginStatus(login.status)
    link = login.qr_url if status is LoginStatus.awaiting_scan else None
    ends = login.qr_expires_at
    return {
        "id": str(login.id),
        "status": status.value,
        "final": status.final,
        "title": texts.text(f"connect.state.{status.value}", language),
        "text": _words(login, status, language),
        "qr": "data:image/svg+xml;base64," + base64.b64encode(qr.svg(link)).decode() if link else None,
        "seconds": None if ends is None else max(0, round((ends - rt.clock.now()).total_seconds())),
        "hint": login.password_hint,
        "tries_left": PASSWORD_TRIES - login.password_tries,
        "busy": login.password_waiting,
    }


def _words(login: Login, status: LoginStatus, language: str) -> str:
    if login.reason:
        code = f"connect.reason.{login.reason}"
        code = code if texts.has(code) else "connect.reason.other"
        return texts.text(code, language, n=login.retry_after or 0)
    if status is LoginStatus.password_required and login.password_tries:
        left = PASSWORD_TRIES - login.password_tries
        return texts.text("connect.password_wrong", language, n=left)
    return texts.text(f"connect.explain.{status.value}", language)
