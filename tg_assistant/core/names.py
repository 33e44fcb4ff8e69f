"""Names of jobs, topics and tasks, each defined once; PostgreSQL stores the values."""

from enum import StrEnum, auto


class Job(StrEnum):
    """Jobs: work without a Telegram session; `ingest/job_worker.py` has a handler for each."""

    indexing = "index"
    purge_channel = auto()
    forget_tenant = auto()


class Topic(StrEnum):
    """Topics of NOTIFY; each comment says what the key is."""

    account = auto()  # the account's id
    login = auto()  # the login's id
    task = auto()  # the account's id when a task is added, the task's id when it is done
    update = auto()  # none
    notification = auto()  # the person's id
    channel = auto()  # the channel's id
    subscriptions = auto()  # the group's id
    dialogs = auto()  # the person's id, when the list of their own channels has changed
    keys = auto()  # none
    rights = auto()  # the person's id; by triggers on sessions, memberships and what affects reading


class TaskKind(StrEnum):
    """Tasks: work that needs an account's session; `ingest/tasks/` has a module for each."""

    check = auto()
    dialogs = auto()
    history = auto()
    log_out = auto()
    look = auto()
    resolve = auto()
