-- Failed logins by account and source. Accounts that do not exist are counted
-- alike: the id is that of the login name (`gapura_shared::outcome::AccountId`).
CREATE TABLE login_failure (
    account_id   TEXT NOT NULL,
    -- A client's network, `device:<id>` of one that logged in before, or '' for
    -- the account from anywhere.
    source       TEXT NOT NULL,
    failures     BIGINT NOT NULL,
    -- Turned away while locked: counted, without moving the lock.
    refused      BIGINT NOT NULL DEFAULT 0,
    last_at      BIGINT NOT NULL,
    locked_until BIGINT NOT NULL DEFAULT 0,
    -- The last good login from there: who knows the password is not locked out
    -- by what others try elsewhere.
    succeeded_at BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, source)
);

CREATE INDEX login_failure_by_age ON login_failure (last_at);
