"""Is the process alive, and can it do its work."""

from fastapi import APIRouter, Response
from sqlalchemy import text

from tg_assistant.api.deps import Rt
from tg_assistant.errors import Unavailable

router = APIRouter(tags=["health"])


@router.get("/health")
async def health() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/ready")
async def ready(rt: Rt, response: Response) -> dict[str, object]:
    """503 with the failing check named. Without Chroma answers are weaker, so that alone fails nothing."""
    checks = {"database": await _database(rt), "vectors": await _vectors(rt)}
    if not checks["database"]:
        response.status_code = 503
    return {"status": "ok" if checks["database"] else "failing", "checks": checks}


async def _database(rt: Rt) -> bool:
    try:
        async with rt.db.transaction() as db:
            await db.exec(text("SELECT 1"))  # type: ignore[call-overload]
    except Unavailable:
        return False
    return True


async def _vectors(rt: Rt) -> bool:
    try:
        await rt.vectors.check()
    except Unavailable:
        return False
    return True
