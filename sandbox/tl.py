"""Telethon's TL types without their generated hints, which name modules where they mean types."""

from __future__ import annotations

from typing import Any

from telethon.tl import types as generated

types: Any = generated
