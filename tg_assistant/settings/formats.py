"""Formats of the settings that are addresses or keys.

Each function returns the value, normalised, or raises ValueError with a predicate that completes a sentence
beginning with the variable's name.
"""

import base64
import binascii
import re
from urllib.parse import urlsplit
from zoneinfo import available_timezones

# https://www.w3.org/TR/CSP3/#framework-directive-source-list, without characters that would end the list
_SOURCE = re.compile(r"'self'|'none'|\*|https?:(//[A-Za-z0-9.*\[\]:-]+/?)?")

_KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,32}")
_POSTGRESQL = re.compile(r"postgres(ql)?(\+psycopg)?://")
_HOST = re.compile(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:\d+)?")  # without credentials or a wildcard


def database(url: str) -> str:
    """A PostgreSQL URL as libpq accepts it; its host may be in the query, so none is required."""
    if not _POSTGRESQL.match(url):
        raise ValueError("must start with postgresql://")
    return url


def service(url: str) -> str:
    """The address of an HTTP service."""
    return _address(url, "http", "https")


def redis(url: str) -> str:
    """A Redis URL as redis-py accepts it; one of a Unix socket has no host."""
    return url if url.startswith("unix:///") else _address(url, "redis", "rediss")


def origin(url: str) -> str:
    """Scheme, host and port as browsers write them in `Origin`: lower case, no path."""
    parts = urlsplit(_address(url, "https", "http"))
    if parts.path not in ("", "/") or parts.query or parts.fragment or not _HOST.fullmatch(parts.netloc):
        raise ValueError("is an address without a path, for example https://ask.example.org")
    return f"{parts.scheme}://{parts.netloc}".lower()


def origins(listed: str) -> str:
    """Comma-separated origins. No `*`: it would let any page read people's answers."""
    return ",".join(origin(each.strip()) for each in listed.split(",") if each.strip())


def sources(listed: str) -> str:
    """Space-separated sources of the CSP directive `frame-ancestors`."""
    for each in listed.split():
        if not _SOURCE.fullmatch(each):
            raise ValueError(
                "lists origins with spaces between them, for example 'self' https://web.telegram.org"
            )
    return " ".join(listed.split())


def time_zone(name: str) -> str:
    """A time zone of the IANA database."""
    if name not in available_timezones():
        raise ValueError("is a time zone's name, for example Europe/Moscow")
    return name


def keys(listed: str) -> dict[str, bytes]:
    """32-byte keys by id, the newest last, from one base64 key (its id is k1) or lines of `id:base64`."""
    found: dict[str, bytes] = {}
    for item in listed.replace(",", "\n").split():
        key_id, _, encoded = item.rpartition(":")
        key_id = key_id or "k1"
        if key_id in found or not _KEY_ID.fullmatch(key_id):
            raise ValueError(f"{key_id[:40]!r} must be an id of its own, letters and digits")
        found[key_id] = _key(encoded)
    if not found:
        raise ValueError("is missing")
    return found


def _key(encoded: str) -> bytes:
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 32:
        raise ValueError("must be 32 bytes in base64")
    return key


def _address(url: str, *schemes: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in schemes or not parts.hostname:
        raise ValueError(f"must be an address that starts with {schemes[0]}://")
    _ = parts.port  # raises ValueError for an invalid port
    return url
