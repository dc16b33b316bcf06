"""The schema of the embedded database, in one place: who owns the file, and how it got to its present version."""

APPLICATION_ID = 0x43465844
"""`PRAGMA application_id` of our files: the letters CFXD."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE families (
            id TEXT PRIMARY KEY,
            subject TEXT NOT NULL,
            client_id TEXT NOT NULL,
            site TEXT NOT NULL,
            session_hash BLOB NOT NULL CHECK (length(session_hash) IN (0, 32)),
            claims TEXT NOT NULL,
            generation INTEGER NOT NULL,
            created_at REAL NOT NULL,
            idle_expires_at REAL NOT NULL,
            absolute_expires_at REAL NOT NULL,
            ended_at REAL,
            ended_reason TEXT NOT NULL DEFAULT ''
        ) WITHOUT ROWID
        """,
        "CREATE INDEX families_by_session ON families (session_hash) WHERE ended_at IS NULL",
        "CREATE INDEX families_by_subject ON families (subject) WHERE ended_at IS NULL",
        "CREATE INDEX families_by_expiry ON families (absolute_expires_at)",
        """
        CREATE TABLE refresh_tokens (
            token_hash BLOB PRIMARY KEY CHECK (length(token_hash) = 32),
            family_id TEXT NOT NULL REFERENCES families (id),
            generation INTEGER NOT NULL,
            issued_at REAL NOT NULL,
            expires_at REAL NOT NULL,
            used_at REAL,
            successor_sealed BLOB,
            UNIQUE (family_id, generation)
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE vault (
            session_id TEXT PRIMARY KEY REFERENCES families (id),
            key_id TEXT NOT NULL,
            sealed BLOB NOT NULL,
            version INTEGER NOT NULL,
            expires_at REAL NOT NULL
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE barred_sessions (
            session_hash BLOB PRIMARY KEY CHECK (length(session_hash) = 32),
            barred_at REAL NOT NULL,
            until REAL NOT NULL
        ) WITHOUT ROWID
        """,
        # AUTOINCREMENT: the sequence goes on after its newest rows were deleted, since tokens carry its numbers.
        """
        CREATE TABLE revocations (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            kind TEXT NOT NULL CHECK (kind IN ('jti', 'sid', 'sub', 'all')),
            name TEXT NOT NULL,
            expires_at REAL NOT NULL,
            reason TEXT NOT NULL
        )
        """,
        "CREATE INDEX revocations_by_expiry ON revocations (expires_at)",
        """
        CREATE TABLE phases (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            phase TEXT NOT NULL,
            changed_by TEXT NOT NULL,
            reason TEXT NOT NULL,
            changed_at REAL NOT NULL
        )
        """,
        """
        CREATE TABLE audit (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            at REAL NOT NULL,
            who TEXT NOT NULL,
            what TEXT NOT NULL,
            family_id TEXT NOT NULL,
            reason TEXT NOT NULL
        )
        """,
        "CREATE INDEX audit_by_time ON audit (at)",
    ),
    (
        "CREATE INDEX refresh_tokens_sealed ON refresh_tokens (used_at) WHERE successor_sealed IS NOT NULL",
        "CREATE INDEX audit_by_family ON audit (family_id, id) WHERE family_id <> ''",
        "CREATE INDEX audit_by_subject ON audit (who, id)",
    ),
    ("ALTER TABLE families ADD COLUMN bound_key TEXT NOT NULL DEFAULT ''",),
    (
        """
        CREATE TABLE keys (
            kid TEXT PRIMARY KEY,
            algorithm TEXT NOT NULL,
            published_at REAL NOT NULL,
            signs_from REAL NOT NULL,
            compromised_at REAL,
            sealed BLOB
        ) WITHOUT ROWID
        """,
    ),
    (
        """
        CREATE TABLE barred_subjects (
            subject TEXT PRIMARY KEY,
            sequence INTEGER NOT NULL,
            until REAL NOT NULL
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE logins (
            session_hash BLOB PRIMARY KEY CHECK (length(session_hash) = 32),
            sequence INTEGER NOT NULL,
            until REAL NOT NULL
        ) WITHOUT ROWID
        """,
    ),
    (
        "ALTER TABLE phases ADD COLUMN rollout REAL NOT NULL DEFAULT 100",
        "ALTER TABLE phases ADD COLUMN is_paused INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE phases ADD COLUMN began_at REAL",
    ),
)
"""The statements that lead to version 1, to version 2, …; `PRAGMA user_version` counts those that were carried out."""
