"""REST for a group's admins: each route calls core, which checks the role."""

from fastapi import APIRouter

from tg_assistant.api.routes.admin import (
    accounts,
    activity,
    channels,
    group,
    invites,
    jobs,
    members,
    sessions,
)

router = APIRouter(prefix="/api/admin")
for module in (invites, members, sessions, channels, accounts, jobs, activity, group):
    router.include_router(module.router)
