"""Which addresses the API has: route templates for metrics, and the methods a known address takes."""

import re
from functools import cached_property
from typing import Any, NamedTuple

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

UNKNOWN = "unknown"  # name of the routes that catch what no other takes
OTHER = "page"  # what is not the API: files and pages, which the metrics do not tell apart


class _Known(NamedTuple):
    pattern: re.Pattern[str]
    methods: frozenset[str]
    template: str


class Addresses:
    """Read from the app's routes at the first request, when all of them are there."""

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
        """The route's own path, never the request's: a label may hold no id."""
        matching = [known for known in self._known if known.pattern.match(path)]
        exact = [known.template for known in matching if method in known.methods]
        return (exact or [known.template for known in matching] or [OTHER])[0]

    def methods(self, path: str) -> list[str]:
        """What a known address takes; nothing for an unknown one."""
        return sorted(
            {method for known in self._known if known.pattern.match(path) for method in known.methods}
        )
