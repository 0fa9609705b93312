-- Failed logins by account and source. Accounts that do not exist are counted
-- alike: the id is that of the login name (`gapura_shared::outcome::AccountId`).
CREATE TABLE login_failure (
    account_id   VARCHAR(64) NOT NULL,
    -- A client's network, `device:<id>` of one that logged in before, or '' for
    -- the account from anywhere.
    source       VARCHAR(64) NOT NULL,
    failures     BIGINT NOT NULL,
    -- Turned away while locked: counted, without moving the lock.
    refused      BIGINT NOT NULL DEFAULT 0,
    last_at      BIGINT NOT NULL,
    locked_until BIGINT NOT NULL DEFAULT 0,
    -- The last good login from there: who knows the password is not locked out
    -- by what others try elsewhere.
    succeeded_at BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, source),
    INDEX login_failure_by_age (last_at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
