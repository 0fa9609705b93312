-- What is to be said to whom: asked for here, written and sent later. No token is in it: those are
-- derived from the mail's id under a key of the origin when it is sent.
CREATE TABLE mail (
    mail_id    TEXT PRIMARY KEY NOT NULL,
    -- The address as `gapura_shared::outcome::AccountId` names it, with an account or without.
    account_id TEXT NOT NULL,
    kind       TEXT NOT NULL,
    -- JSON; empty once it is done.
    content    TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- When it is due; while it is being sent, when another origin may try.
    next_at    INTEGER NOT NULL,
    attempts   INTEGER NOT NULL,
    -- Mails of this kind to this address in a row, without a day between two.
    recent     INTEGER NOT NULL,
    -- Delivered, given up or in vain. The row stays for a while: so soon no other is sent.
    done_at    INTEGER,
    UNIQUE (account_id, kind)
) STRICT, WITHOUT ROWID;

CREATE INDEX mail_due ON mail (done_at, next_at);

-- What a mail lets its reader do, once: one of a kind for each address. Addresses without an account have
-- rows as well, which let nobody in.
CREATE TABLE one_time_token (
    one_time_token_id TEXT PRIMARY KEY NOT NULL,
    account_id        TEXT NOT NULL,
    kind              TEXT NOT NULL,
    -- SHA-256 of what is in the link. The code beside it is stored nowhere.
    token_hash        BLOB NOT NULL UNIQUE,
    user_account_id   TEXT REFERENCES user_account ON DELETE CASCADE,
    -- JSON: what it is for.
    content           TEXT NOT NULL,
    expires_at        INTEGER NOT NULL,
    used_at           INTEGER,
    -- Codes that were tried.
    attempts          INTEGER NOT NULL,
    UNIQUE (account_id, kind)
) STRICT, WITHOUT ROWID;

CREATE INDEX one_time_token_of_user ON one_time_token (user_account_id);
CREATE INDEX one_time_token_by_age ON one_time_token (expires_at);
