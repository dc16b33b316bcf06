-- Crossfade, schema version 2: families of tokens, refresh tokens, revocations, the vault, the phase and the trail.
--
--   psql -v ON_ERROR_STOP=1 -f 002_add_refresh_tokens.sql       or: crossfade migrate up
--
-- Adds tables of our own and touches no other: no foreign key leads to a table of the application, because even
-- REFERENCES … NOT VALID waits for every open transaction that writes there. One transaction, which gives up after two
-- seconds of waiting and then has changed nothing. Safe to run twice, and beside gateways of any version.
-- The tables go into the first schema of the search_path. PostgreSQL 13 or newer.
-- Times are seconds since 1970. No token is kept in clear: hashes, and values sealed with keys kept elsewhere.

BEGIN;
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = '60s';
SET LOCAL client_min_messages = warning;

-- One migration at a time; the number is the letters CFXD. It is released with the transaction.
DO $$ BEGIN PERFORM pg_advisory_xact_lock(1128683588); END $$;

CREATE TABLE IF NOT EXISTS crossfade_schema (
    version    integer PRIMARY KEY,
    name       text NOT NULL,
    works_with integer NOT NULL,  -- the oldest version whose gateways can work with this one
    applied_at timestamptz NOT NULL DEFAULT now()
);

DO $$ BEGIN
    IF to_regclass('refresh_tokens') IS NOT NULL AND NOT EXISTS (SELECT FROM crossfade_schema WHERE version = 2) THEN
        RAISE EXCEPTION 'there is a table refresh_tokens that is not ours'
            USING HINT = 'Give the gateway a schema of its own: ALTER ROLE … SET search_path = crossfade';
    END IF;
END $$;

CREATE TABLE IF NOT EXISTS crossfade_families (
    id                  text PRIMARY KEY,  -- the claim sid
    subject             text NOT NULL,
    client_id           text NOT NULL,
    site                text NOT NULL,
    session_hash        bytea NOT NULL CHECK (octet_length(session_hash) IN (0, 32)),
    claims              text NOT NULL,     -- JSON; jsonb could not keep every string
    generation          integer NOT NULL,
    created_at          double precision NOT NULL,
    idle_expires_at     double precision NOT NULL,
    absolute_expires_at double precision NOT NULL,
    ended_at            double precision,
    ended_reason        text NOT NULL DEFAULT '',
    bound_key           text NOT NULL DEFAULT ''  -- thumbprint of a DPoP key (RFC 9449); empty for none
) WITH (fillfactor = 80);  -- a rotation changes an indexed column only where the end of the session moved
CREATE INDEX IF NOT EXISTS crossfade_families_by_session ON crossfade_families (session_hash) WHERE ended_at IS NULL;
CREATE INDEX IF NOT EXISTS crossfade_families_by_subject ON crossfade_families (subject) WHERE ended_at IS NULL;
CREATE INDEX IF NOT EXISTS crossfade_families_by_expiry ON crossfade_families (absolute_expires_at);

CREATE TABLE IF NOT EXISTS refresh_tokens (
    token_hash       bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    family_id        text NOT NULL REFERENCES crossfade_families (id),
    generation       integer NOT NULL,
    issued_at        double precision NOT NULL,
    expires_at       double precision NOT NULL,
    used_at          double precision,  -- the first use; never changed again
    successor_sealed bytea,             -- opens with the token itself and a pepper that is not here
    UNIQUE (family_id, generation)
);
CREATE INDEX IF NOT EXISTS refresh_tokens_sealed ON refresh_tokens (used_at) WHERE successor_sealed IS NOT NULL;

CREATE TABLE IF NOT EXISTS crossfade_vault (
    session_id text PRIMARY KEY REFERENCES crossfade_families (id),
    key_id     text NOT NULL,
    sealed     bytea NOT NULL,
    version    bigint NOT NULL,
    expires_at double precision NOT NULL
);

CREATE TABLE IF NOT EXISTS crossfade_barred_sessions (
    session_hash bytea PRIMARY KEY CHECK (octet_length(session_hash) = 32),
    barred_at    double precision NOT NULL,
    until        double precision NOT NULL
);
CREATE INDEX IF NOT EXISTS crossfade_barred_sessions_by_expiry ON crossfade_barred_sessions (until);

-- Sessions of a subject (of everybody: '') that began before the revocation of this number, and the sessions that began
-- with a login that was seen since.
CREATE TABLE IF NOT EXISTS crossfade_barred_subjects (
    subject  text PRIMARY KEY,
    sequence bigint NOT NULL,
    until    double precision NOT NULL
);
CREATE TABLE IF NOT EXISTS crossfade_logins (
    session_hash bytea PRIMARY KEY CHECK (octet_length(session_hash) = 32),
    sequence     bigint NOT NULL,
    until        double precision NOT NULL
);
CREATE INDEX IF NOT EXISTS crossfade_logins_by_expiry ON crossfade_logins (until);

-- The numbers of revocations are taken from one row whose lock is held until the commit: whoever sees a number sees all
-- lower ones. A sequence or an identity column would show 8 before 7, and a reader that goes on from 8 would miss 7.
-- It begins at the time of its making, so that after a way back and forth no number comes a second time.
CREATE TABLE IF NOT EXISTS crossfade_revocation_counter (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    sequence bigint NOT NULL
) WITH (fillfactor = 10);
INSERT INTO crossfade_revocation_counter (sequence) VALUES (extract(epoch FROM now())::bigint) ON CONFLICT DO NOTHING;

CREATE TABLE IF NOT EXISTS crossfade_revocations (
    sequence   bigint PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN ('jti', 'sid', 'sub', 'all')),
    name       text NOT NULL,
    expires_at double precision NOT NULL,
    reason     text NOT NULL
);
CREATE INDEX IF NOT EXISTS crossfade_revocations_by_expiry ON crossfade_revocations (expires_at);

CREATE TABLE IF NOT EXISTS crossfade_phases (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    phase      text NOT NULL,
    changed_by text NOT NULL,
    reason     text NOT NULL,
    changed_at double precision NOT NULL,
    rollout    double precision NOT NULL DEFAULT 100,  -- percent of the subjects
    is_paused  boolean NOT NULL DEFAULT false,
    began_at   double precision                        -- of the phase, whatever of the rest was changed since
);

CREATE TABLE IF NOT EXISTS crossfade_audit (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        double precision NOT NULL,
    who       text NOT NULL,
    what      text NOT NULL,
    family_id text NOT NULL DEFAULT '',
    reason    text NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS crossfade_audit_by_time ON crossfade_audit (at);
CREATE INDEX IF NOT EXISTS crossfade_audit_by_family ON crossfade_audit (family_id, id) WHERE family_id <> '';
CREATE INDEX IF NOT EXISTS crossfade_audit_by_subject ON crossfade_audit (who, id);

-- Which signing keys there are, and since when. Private keys are sealed under a key that is not here.
CREATE TABLE IF NOT EXISTS crossfade_keys (
    kid            text PRIMARY KEY,  -- thumbprint (RFC 7638)
    algorithm      text NOT NULL,
    published_at   double precision NOT NULL,
    signs_from     double precision NOT NULL,
    compromised_at double precision,
    sealed         bytea              -- null for a key of the configuration, empty where it was destroyed
);

INSERT INTO crossfade_schema (version, name, works_with) VALUES (2, 'add_refresh_tokens', 2) ON CONFLICT DO NOTHING;
COMMIT;
