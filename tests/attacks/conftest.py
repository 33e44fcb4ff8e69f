"""Attackers and their victim: the API over HTTP, in this process, above a real database."""

from tests.api.conftest import http, rt, settings, sign_in

__all__ = ["http", "rt", "settings", "sign_in"]
