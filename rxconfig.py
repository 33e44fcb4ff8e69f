"""Reflex settings; `tg_assistant/web/serve.py` fills in what depends on the place it runs at."""

import reflex as rx
from reflex.constants import StateManagerMode

from tg_assistant.web.build import SameOrigin

config = rx.Config(
    app_name="tg_assistant",
    telemetry_enabled=False,
    show_built_with_reflex=False,
    # The default writes pickled states to disk; Redis is used when REFLEX_REDIS_URL is set.
    state_manager_mode=StateManagerMode.MEMORY,
    # Also the websocket's origin check: never "*". serve() sets the real origins.
    cors_allowed_origins=["http://127.0.0.1:8000"],
    frontend_compression_formats=["gzip", "brotli"],
    react_strict_mode=False,
    plugins=[rx.plugins.TailwindV4Plugin(config={"plugins": ["daisyui@5.8.1"]}), SameOrigin()],
    disable_plugins=[rx.plugins.SitemapPlugin],
)
