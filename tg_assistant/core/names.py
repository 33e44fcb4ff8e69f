"""What jobs, topics and tasks are called, each written once; the values are what PostgreSQL keeps."""

from enum import StrEnum, auto


class Job(StrEnum):
    """Work that needs no Telegram session; `ingest/job_worker.py` has a handler for each."""

    indexing = "index"
    purge_channel = auto()
    forget_tenant = auto()


class Topic(StrEnum):
    """What NOTIFY tells of, and what its key is."""

    account = auto()  # the account's id
    login = auto()  # the login's id
    task = auto()  # the account's id when work arrives, the task's id when it is done
    update = auto()  # none
    notification = auto()  # the person's id
    channel = auto()  # the channel's id
    subscriptions = auto()  # the group's id
    keys = auto()  # none
    rights = auto()  # the person's id; by triggers on sessions, memberships and what may be read


class TaskKind(StrEnum):
    """What only the holder of an account's session can do; `ingest/tasks/` has a module for each."""

    dialogs = auto()
    history = auto()
    log_out = auto()
    resolve = auto()
