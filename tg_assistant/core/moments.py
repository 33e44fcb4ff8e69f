"""The range of times that people may set: those that Python can read back from PostgreSQL."""

from datetime import datetime

from tg_assistant.models.base import FIRST, LAST


def settable(moment: datetime | None) -> bool:
    """Return whether the time has a zone and is in the years 2000 to 2199, or is None.

    With an offset 9999-12-31 can become year 10000 in UTC, which PostgreSQL stores but Python cannot read:
    a list with that row would fail. The tables have the same check (`models/base.py`).
    """
    return moment is None or (moment.tzinfo is not None and FIRST <= moment < LAST)
