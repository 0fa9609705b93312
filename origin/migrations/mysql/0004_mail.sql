-- What is to be said to whom: asked for here, written and sent later. No token is in it: those are
-- derived from the mail's id under a key of the origin when it is sent.
CREATE TABLE mail (
    mail_id    VARCHAR(64) PRIMARY KEY NOT NULL,
    -- The address as `gapura_shared::outcome::AccountId` names it, with an account or without.
    account_id VARCHAR(64) NOT NULL,
    kind       VARCHAR(32) NOT NULL,
    -- JSON; empty once it is done.
    content    MEDIUMTEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- When it is due; while it is being sent, when another origin may try.
    next_at    BIGINT NOT NULL,
    attempts   BIGINT NOT NULL,
    -- Mails of this kind to this address in a row, without a day between two.
    recent     BIGINT NOT NULL,
    -- Delivered, given up or in vain. The row stays for a while: so soon no other is sent.
    done_at    BIGINT,
    UNIQUE (account_id, kind),
    INDEX mail_due (done_at, next_at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What a mail lets its reader do, once: one of a kind for each address. Addresses without an account have
-- rows as well, which let nobody in.
CREATE TABLE one_time_token (
    one_time_token_id VARCHAR(64) PRIMARY KEY NOT NULL,
    account_id        VARCHAR(64) NOT NULL,
    kind              VARCHAR(32) NOT NULL,
    -- SHA-256 of what is in the link. The code beside it is stored nowhere.
    token_hash        BINARY(32) NOT NULL UNIQUE,
    user_account_id   VARCHAR(64),
    -- JSON: what it is for.
    content           MEDIUMTEXT NOT NULL,
    expires_at        BIGINT NOT NULL,
    used_at           BIGINT,
    -- Codes that were tried.
    attempts          BIGINT NOT NULL,
    UNIQUE (account_id, kind),
    INDEX one_time_token_of_user (user_account_id),
    INDEX one_time_token_by_age (expires_at),
    FOREIGN KEY (user_account_id) REFERENCES user_account (user_account_id) ON DELETE CASCADE
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
