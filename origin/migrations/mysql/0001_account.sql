-- Who may log in. Times are milliseconds since 1970 (UTC).
-- Texts compare byte by byte, as they do in the other engines.
CREATE TABLE user_account (
    user_account_id    VARCHAR(64) PRIMARY KEY NOT NULL,
    -- Trimmed and lower case: one address, one account.
    email              VARCHAR(254) NOT NULL UNIQUE,
    -- PHC string, parameters and salt included.
    password_hash      VARCHAR(1024) NOT NULL,
    role               VARCHAR(64) NOT NULL,
    tenant_id          VARCHAR(255),
    app_metadata       MEDIUMTEXT NOT NULL,
    user_metadata      MEDIUMTEXT NOT NULL,
    email_confirmed_at BIGINT,
    last_sign_in_at    BIGINT,
    created_at         BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- One login on one device. An ended session stays as the record of it.
CREATE TABLE session (
    session_id      VARCHAR(64) PRIMARY KEY NOT NULL,
    user_account_id VARCHAR(64) NOT NULL,
    created_at      BIGINT NOT NULL,
    ended_at        BIGINT,
    INDEX session_of_user (user_account_id),
    FOREIGN KEY (user_account_id) REFERENCES user_account (user_account_id) ON DELETE CASCADE
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Every refresh token of a session, the exchanged ones too: that is how reuse shows.
CREATE TABLE refresh_token (
    -- SHA-256 of the token; the token itself is never stored.
    token_hash BINARY(32) PRIMARY KEY NOT NULL,
    session_id VARCHAR(64) NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT,
    INDEX refresh_token_of_session (session_id, expires_at),
    FOREIGN KEY (session_id) REFERENCES session (session_id) ON DELETE CASCADE
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
