"""Which times a person may set: those that every reader of the database can read back."""

from datetime import datetime

from tg_assistant.models.base import FIRST, LAST


def settable(moment: datetime | None) -> bool:
    """Whether it has a zone and lies in the years 2000 to 2199, or is None.

    With its offset 9999-12-31 becomes year 10000 in UTC: PostgreSQL keeps that, Python cannot read it, and
    neither could anybody the list with that row. The tables' own checks say the same (`models/base.py`).
    """
    return moment is None or (moment.tzinfo is not None and FIRST <= moment < LAST)
