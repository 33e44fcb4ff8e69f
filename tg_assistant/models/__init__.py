"""Every table. PostgreSQL is the truth; every row of a tenant carries its `tenant_id`."""

from tg_assistant.models.accounts import (
    Account,
    AccountStatus,
    AccountTask,
    Dialog,
    KeyRotation,
    Login,
    LoginStatus,
    MethodWait,
)
from tg_assistant.models.controls import Experiment, ExperimentResult, TenantFlag
from tg_assistant.models.conversations import BotUpdate, Heartbeat, Notification, Question
from tg_assistant.models.people import (
    AuditEvent,
    Invite,
    InviteUse,
    Membership,
    Role,
    Tenant,
    User,
)
from tg_assistant.models.posts import (
    Channel,
    ChannelAccess,
    ChannelRange,
    Chunk,
    LostChannel,
    Post,
    PostVersion,
    Subscription,
    Vector,
)
from tg_assistant.models.sign_ins import AppSession, OneTimeLink, RefreshToken, SeenInitData, SignIn

__all__ = [
    "Account",
    "AccountStatus",
    "AccountTask",
    "AppSession",
    "AuditEvent",
    "BotUpdate",
    "Channel",
    "ChannelAccess",
    "ChannelRange",
    "Chunk",
    "Dialog",
    "Experiment",
    "ExperimentResult",
    "Heartbeat",
    "Invite",
    "InviteUse",
    "KeyRotation",
    "Login",
    "LoginStatus",
    "LostChannel",
    "Membership",
    "MethodWait",
    "Notification",
    "OneTimeLink",
    "Post",
    "PostVersion",
    "Question",
    "RefreshToken",
    "Role",
    "SeenInitData",
    "SignIn",
    "Subscription",
    "Tenant",
    "TenantFlag",
    "User",
    "Vector",
]
