#!/bin/sh
# The three roles of docs/architecture.md, made once when PostgreSQL's volume is new.
set -eu
psql -v ON_ERROR_STOP=1 -U postgres -v owner="$OWNER_DB_PASSWORD" -v app="$APP_DB_PASSWORD" -v worker="$WORKER_DB_PASSWORD" <<'SQL'
CREATE ROLE tg_owner LOGIN PASSWORD :'owner';
CREATE ROLE tg_app LOGIN PASSWORD :'app';
CREATE ROLE tg_worker LOGIN PASSWORD :'worker';
CREATE DATABASE tg_assistant OWNER tg_owner;
REVOKE ALL ON DATABASE tg_assistant FROM PUBLIC;
GRANT CONNECT, TEMP ON DATABASE tg_assistant TO tg_app, tg_worker;
\c tg_assistant
GRANT USAGE ON SCHEMA public TO tg_app, tg_worker;
ALTER DEFAULT PRIVILEGES FOR ROLE tg_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO tg_app, tg_worker;
ALTER DEFAULT PRIVILEGES FOR ROLE tg_owner IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO tg_app, tg_worker;
SQL
