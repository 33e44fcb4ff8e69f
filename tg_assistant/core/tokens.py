"""Access tokens: who, and which session, for half an hour at most. Rights are re-read from SQL each time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import jwt

from tg_assistant.errors import SignInNeeded

ISSUER = "tg-assistant"
AUDIENCE = "tg-assistant-api"
_ALGORITHM = "HS256"
_KEY_ID = "1"
_REQUIRED = ["exp", "iat", "nbf", "sub", "aud", "iss", "jti", "typ", "sid"]


@dataclass(frozen=True)
class Claims:
    user_id: UUID
    session_id: UUID


def issue(claims: Claims, *, secret: str, ttl_seconds: int, now: datetime) -> str:
    payload = {
        "sub": str(claims.user_id),
        "sid": str(claims.session_id),
        "iat": now,
        "nbf": now,
        "exp": now + timedelta(seconds=ttl_seconds),
        "iss": ISSUER,
        "aud": AUDIENCE,
        "jti": str(uuid4()),
        "typ": "access",
    }
    return jwt.encode(payload, secret, algorithm=_ALGORITHM, headers={"kid": _KEY_ID})


def read(token: str, *, secret: str) -> Claims:
    """Raises SignInNeeded("access.token") for anything but a live access token of ours."""
    try:
        if jwt.get_unverified_header(token).keys() - {"alg", "typ", "kid"}:
            raise SignInNeeded("access.token")
        payload = jwt.decode(
            token,
            secret,
            algorithms=[_ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            leeway=5,
            options={"require": _REQUIRED, "strict_aud": True},
        )
        if payload["typ"] != "access":
            raise SignInNeeded("access.token")
        return Claims(UUID(payload["sub"]), UUID(payload["sid"]))
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError):
        raise SignInNeeded("access.token") from None
