"""Telethon's TL types without their generated type hints, which are wrong: they name modules, not types."""

from __future__ import annotations

from typing import Any

from telethon.tl import types as generated

types: Any = generated
