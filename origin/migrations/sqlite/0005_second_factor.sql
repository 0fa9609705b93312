-- How the owner of a session proved who they are, and how its second factor, if there was one.
ALTER TABLE session ADD COLUMN method TEXT DEFAULT 'password' NOT NULL;
ALTER TABLE session ADD COLUMN second_method TEXT;
ALTER TABLE session ADD COLUMN second_at INTEGER;

-- What the account's JSON tells of its factors, so that reading an account takes one row; written
-- with every change of `factor`. NULL for none.
ALTER TABLE user_account ADD COLUMN factors TEXT;

-- What a person has besides the password: a secret in an authenticator.
CREATE TABLE factor (
    factor_id       TEXT PRIMARY KEY NOT NULL,
    user_account_id TEXT NOT NULL REFERENCES user_account ON DELETE CASCADE,
    friendly_name   TEXT NOT NULL,
    -- Sealed under a key derived from the token key.
    secret          TEXT NOT NULL,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    -- NULL until its first code was right: it proves nothing before.
    verified_at     INTEGER,
    -- The step of the last code that was taken: every code is good once.
    last_step       INTEGER DEFAULT -1 NOT NULL
) STRICT;

CREATE INDEX factor_of_user ON factor (user_account_id);

-- For the day when the authenticator is lost. Each is deleted when it is used.
CREATE TABLE recovery_code (
    user_account_id TEXT NOT NULL REFERENCES user_account ON DELETE CASCADE,
    -- Salt and SHA-256; the code itself is never stored.
    code            TEXT NOT NULL,
    PRIMARY KEY (user_account_id, code)
) STRICT, WITHOUT ROWID;

-- The keys that sign access tokens.
CREATE TABLE token_key (
    kid          TEXT PRIMARY KEY NOT NULL,
    -- EdDSA or ES256.
    algorithm    TEXT NOT NULL,
    -- The private key, sealed under a key derived from the token key.
    secret       TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    -- Published from the start, it signs from then on, until another one does.
    signs_from   INTEGER NOT NULL,
    -- Since when its tokens hold no longer.
    retired_at   INTEGER
) STRICT;
