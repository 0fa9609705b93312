-- Until when the account may not log in; NULL: it may.
ALTER TABLE user_account ADD COLUMN banned_until BIGINT;

-- What people look through for devices that are not theirs, and when a session ends whatever happens.
ALTER TABLE session ADD COLUMN last_seen_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN expires_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN user_agent VARCHAR(512) NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN address VARCHAR(64) NOT NULL DEFAULT '';
-- 90 days, as for new ones.
UPDATE session SET last_seen_at = created_at, expires_at = created_at + 7776000000;
CREATE INDEX refresh_token_by_age ON refresh_token (expires_at);

-- What a role may do beside what every account may do with itself. The role admin may do everything.
CREATE TABLE role (
    role       VARCHAR(64) PRIMARY KEY NOT NULL,
    created_at BIGINT NOT NULL
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE role_permission (
    role       VARCHAR(64) NOT NULL,
    permission VARCHAR(64) NOT NULL,
    PRIMARY KEY (role, permission),
    FOREIGN KEY (role) REFERENCES role (role) ON DELETE CASCADE
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

INSERT INTO role (role, created_at)
SELECT 'admin', 0 UNION SELECT 'user', 0 UNION SELECT role, 0 FROM user_account;

-- Whom accounts belong to. `user_account.tenant_id` is the one of them that an account acts for.
CREATE TABLE tenant (
    tenant_id  VARCHAR(64) PRIMARY KEY NOT NULL,
    name       VARCHAR(1024) NOT NULL,
    created_at BIGINT NOT NULL
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE membership (
    tenant_id       VARCHAR(64) NOT NULL,
    user_account_id VARCHAR(64) NOT NULL,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, user_account_id),
    INDEX membership_of_user (user_account_id),
    FOREIGN KEY (tenant_id) REFERENCES tenant (tenant_id) ON DELETE CASCADE,
    FOREIGN KEY (user_account_id) REFERENCES user_account (user_account_id) ON DELETE CASCADE
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
