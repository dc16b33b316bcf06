-- Crossfade: takes back 002_add_refresh_tokens.sql. Everybody who holds tokens has to sign in again where no session
-- cookie is left; the sessions of the application are not touched.
--
--   psql -v ON_ERROR_STOP=1 -f 002_rollback.sql                 or: crossfade migrate down
--
-- One transaction, which gives up after two seconds of waiting for a gateway that still works with the tables and then
-- has changed nothing. Safe to run twice. A table refresh_tokens of somebody else is left alone.

BEGIN;
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '60s';
SET LOCAL client_min_messages = warning;

DO $$ BEGIN PERFORM pg_advisory_xact_lock(1128683588); END $$;

DO $$ BEGIN
    IF to_regclass('crossfade_schema') IS NULL THEN
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM crossfade_schema WHERE version > 2) THEN
        RAISE EXCEPTION 'a newer version of the schema is in force'
            USING HINT = 'Take back the newer migrations first.';
    END IF;
    IF EXISTS (SELECT FROM crossfade_schema WHERE version = 2) THEN
        -- In the order in which a gateway locks them, so that neither can wait for the other.
        DROP TABLE IF EXISTS refresh_tokens, crossfade_vault, crossfade_families, crossfade_barred_sessions,
            crossfade_logins, crossfade_revocation_counter, crossfade_revocations, crossfade_barred_subjects,
            crossfade_phases, crossfade_keys, crossfade_audit;
    END IF;
    DROP TABLE crossfade_schema;
END $$;
COMMIT;
