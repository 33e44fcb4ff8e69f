"""The API's addresses: route templates for metrics, and the methods that a known address accepts."""

import re
from functools import cached_property
from typing import Any, NamedTuple

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

UNKNOWN = "unknown"  # name of the catch-all routes
OTHER = "page"  # files and pages outside the API, which the metrics do not distinguish


class _Known(NamedTuple):
    pattern: re.Pattern[str]
    methods: frozenset[str]
    template: str


class Addresses:
    """An index of the app's routes, built at the first request, when all of them are registered."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    @cached_property
    def _known(self) -> list[_Known]:
        found: list[_Known] = []
        for route in iter_route_contexts(self._app.routes):
            pattern: Any = getattr(route, "path_regex", None)
            if pattern is None or not route.methods or not route.path or route.name == UNKNOWN:
                continue
            found.append(_Known(pattern, frozenset(route.methods), route.path_format or route.path))
        return found

    def template(self, path: str, method: str) -> str:
        """The route's template, or "page" outside the API. Never the request's path: no ids in labels."""
        matching = [known for known in self._known if known.pattern.match(path)]
        exact = [known.template for known in matching if method in known.methods]
        return (exact or [known.template for known in matching] or [OTHER])[0]

    def methods(self, path: str) -> list[str]:
        """The methods that an address accepts, sorted; empty for an unknown one."""
        return sorted(
            {method for known in self._known if known.pattern.match(path) for method in known.methods}
        )
