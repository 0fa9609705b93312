-- How the owner of a session proved who they are, and how its second factor, if there was one.
ALTER TABLE session ADD COLUMN method VARCHAR(64) DEFAULT 'password' NOT NULL;
ALTER TABLE session ADD COLUMN second_method VARCHAR(64);
ALTER TABLE session ADD COLUMN second_at BIGINT;

-- What the account's JSON tells of its factors, so that reading an account takes one row; written
-- with every change of `factor`. NULL for none.
ALTER TABLE user_account ADD COLUMN factors MEDIUMTEXT;

-- What a person has besides the password: a secret in an authenticator.
CREATE TABLE factor (
    factor_id       VARCHAR(64) PRIMARY KEY NOT NULL,
    user_account_id VARCHAR(64) NOT NULL,
    friendly_name   VARCHAR(1024) NOT NULL,
    -- Sealed under a key derived from the token key.
    secret          VARCHAR(1024) NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    -- NULL until its first code was right: it proves nothing before.
    verified_at     BIGINT,
    -- The step of the last code that was taken: every code is good once.
    last_step       BIGINT DEFAULT -1 NOT NULL,
    INDEX factor_of_user (user_account_id),
    FOREIGN KEY (user_account_id) REFERENCES user_account (user_account_id) ON DELETE CASCADE
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- For the day when the authenticator is lost. Each is deleted when it is used.
CREATE TABLE recovery_code (
    user_account_id VARCHAR(64) NOT NULL,
    -- Salt and SHA-256; the code itself is never stored.
    code            VARCHAR(128) NOT NULL,
    PRIMARY KEY (user_account_id, code),
    FOREIGN KEY (user_account_id) REFERENCES user_account (user_account_id) ON DELETE CASCADE
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The keys that sign access tokens.
CREATE TABLE token_key (
    kid          VARCHAR(64) PRIMARY KEY NOT NULL,
    -- EdDSA or ES256.
    algorithm    VARCHAR(64) NOT NULL,
    -- The private key, sealed under a key derived from the token key.
    secret       VARCHAR(1024) NOT NULL,
    created_at   BIGINT NOT NULL,
    -- Published from the start, it signs from then on, until another one does.
    signs_from   BIGINT NOT NULL,
    -- Since when its tokens hold no longer.
    retired_at   BIGINT
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
