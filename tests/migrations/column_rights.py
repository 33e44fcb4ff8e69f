"""What web and bot may do with each column: r read, w give in a new row, u change, - nothing.

A new column fails `test_column_rights.py` until its migration grants what it needs and it stands here.
"""

APP = {
    "account_budgets": {
        "r": "account_id kind spent_until tenant_id",
    },
    "account_tasks": {
        "r": "claimed_at claimed_epoch created_at result",
        "ru": "done_at error error_values not_before",
        "rw": "account_id args attempts deadline id kind priority tenant_id",
    },
    "accounts": {
        "-": "sealed_session",
        "r": "connected_at dialogs_at ended_reason group_ids id last_ok_at lease_epoch lease_owner"
        " lease_until status telegram_id tenant_id update_state user_id",
        "ru": "device",
    },
    "alembic_version": {
        "r": "version_num",
    },
    "app_sessions": {
        "rw": "created_at device door expires_at id user_id",
        "rwu": "last_seen_at resume_hash revoked_at",
    },
    "audit_events": {
        "rw": "action at detail id subject tenant_id user_id",
    },
    "bot_updates": {
        "rw": "received_at update_id",
        "rwu": "attempts done_at payload",
    },
    "channel_access": {
        "-": "access_hash",
        "r": "looked_at",
        "rw": "account_id channel_id tenant_id user_id",
        "rwu": "checked_at lost_at",
    },
    "channel_ranges": {
        "r": "channel_id high low tenant_id",
    },
    "channels": {
        "r": "created_at unread_since",
        "ru": "backfill_done_at last_error last_error_at",
        "rw": "about id telegram_id tenant_id top_message_id",
        "rwu": "members paused private title username",
    },
    "chunks": {
        "r": "channel_id generation id n post_id tenant_id text text_hash",
    },
    "comparisons": {
        "r": "channel_id newest_at newest_low older_before older_below older_since tenant_id",
    },
    "dialogs": {
        "-": "access_hash",
        "r": "account_id folder members position private telegram_id tenant_id title username",
    },
    "experiment_results": {
        "rwu": "exposures name outcomes tenant_id variant",
    },
    "experiments": {
        "rwu": "name share started_at tenant_id",
    },
    "feeds": {
        "rw": "channel_id created_at hash id query tenant_id user_id",
        "rwu": "changed_at etag last_used_at revoked_at",
    },
    "heartbeats": {
        "rwu": "at process",
    },
    "invite_uses": {
        "rw": "at code id tenant_id user_id",
    },
    "invites": {
        "rw": "code created_at role tenant_id",
        "rwu": "active created_by expires_at last_used_at last_used_by notes uses_count uses_limit",
    },
    "key_rotations": {
        "-": "broken done_at error id keys requested_at rewrapped unknown",
    },
    "logins": {
        "-": "pending_session",
        "r": "account_id key_pending lease_owner lease_until password_hint password_key password_waiting"
        " qr_expires_at qr_url reason retry_after waits",
        "ru": "page_hash updated_at",
        "rw": "created_at device expires_at id lease_epoch link_hash password_tries session_id status"
        " tenant_id user_id",
        "u": "password_sealed",
    },
    "lost_channels": {
        "r": "channel_id tenant_id user_id",
    },
    "memberships": {
        "rw": "created_at id tenant_id user_id",
        "rwu": "disabled plan plan_expires_at role version",
    },
    "method_waits": {
        "r": "account_id method not_before tenant_id",
    },
    "notifications": {
        "rw": "args code created_at id tenant_id user_id",
        "rwu": "attempts not_before sent_at",
    },
    "one_time_links": {
        "rw": "created_at expires_at hash purpose user_id",
        "rwu": "spent_at",
    },
    "pgqueuer": {
        "-": "dedupe_key headers heartbeat priority queue_manager_id slot",
        "r": "attempts created entrypoint execute_after id payload status updated",
    },
    "pgqueuer_log": {
        "-": "aggregated created entrypoint id job_id priority status traceback",
    },
    "pgqueuer_schedules": {
        "-": "created entrypoint expression heartbeat id last_run next_run status updated",
    },
    "pgqueuer_statistics": {
        "-": "count created entrypoint id priority status",
    },
    "post_versions": {
        "r": "entities parts post_id saved_at tenant_id text version",
    },
    "posts": {
        "r": "album_id channel_id counted_at dates deleted_at edited_at entities forward_channel"
        " forward_message forward_title forwards hosts id index_attempts index_error indexed_generation links"
        " media message_id parts posted_at reactions reply_to said_text saved_at tenant_id text text_hash"
        " tsv version views",
    },
    "questions": {
        "rw": "created_at door id question tenant_id user_id",
        "rwu": "abstained also_read answer attempts confidence intent milliseconds resolved sources tried_at"
        " variant",
    },
    "refresh_tokens": {
        "rw": "created_at hash session_id",
        "rwu": "rotated_at successor",
    },
    "searchable_posts": {
        "r": "channel_id dates deleted_at id posted_at tenant_id tsv",
    },
    "seen_init_data": {
        "rw": "digest expires_at",
    },
    "sign_ins": {
        "rw": "address at device door id outcome session_id user_id",
    },
    "subscriptions": {
        "rw": "channel_id created_at tenant_id user_id",
        "rwu": "paused shown_title",
    },
    "tenant_flags": {
        "rwu": "changed_at changed_by enabled name tenant_id",
    },
    "tenants": {
        "r": "created_at id index_generation name retained_at",
        "ru": "keep_addresses_days keep_audit_days keep_jobs_days keep_posts_days keep_questions_days"
        " keep_sign_ins_days",
    },
    "users": {
        "rw": "created_at id telegram_id",
        "rwu": "first_name language language_chosen last_name last_seen_at username",
    },
    "vectors": {
        "rw": "created_at embedding model text_hash",
    },
}
APP_DELETES = {
    *("bot_updates", "experiment_results", "experiments", "invites", "one_time_links", "questions"),
    *("seen_init_data", "subscriptions", "tenant_flags", "tenants", "users"),
}
APP_CALLS = {
    *("ask_for_job(name text, tenant uuid, channel uuid)", "cancel_login(login uuid, why text)"),
    *("decide_held_job(job bigint, again boolean)", "forget_ended_account(ended uuid)"),
}
# of ingest, which does the work: everything but what is said here
WORKER = {
    "alembic_version": "r",
    "audit_events": "rw",
    "searchable_posts": "r",
}
