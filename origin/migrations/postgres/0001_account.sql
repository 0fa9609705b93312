-- Who may log in. Times are milliseconds since 1970 (UTC).
CREATE TABLE user_account (
    user_account_id    TEXT PRIMARY KEY,
    -- Trimmed and lower case: one address, one account.
    email              TEXT NOT NULL UNIQUE,
    -- PHC string, parameters and salt included.
    password_hash      TEXT NOT NULL,
    role               TEXT NOT NULL,
    tenant_id          TEXT,
    app_metadata       TEXT NOT NULL,
    user_metadata      TEXT NOT NULL,
    email_confirmed_at BIGINT,
    last_sign_in_at    BIGINT,
    created_at         BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL
);

-- One login on one device. An ended session stays as the record of it.
CREATE TABLE session (
    session_id      TEXT PRIMARY KEY,
    user_account_id TEXT NOT NULL REFERENCES user_account ON DELETE CASCADE,
    created_at      BIGINT NOT NULL,
    ended_at        BIGINT
);

CREATE INDEX session_of_user ON session (user_account_id);

-- Every refresh token of a session, the exchanged ones too: that is how reuse shows.
CREATE TABLE refresh_token (
    -- SHA-256 of the token; the token itself is never stored.
    token_hash BYTEA PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES session ON DELETE CASCADE,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);

CREATE INDEX refresh_token_of_session ON refresh_token (session_id, expires_at);
