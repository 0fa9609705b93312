-- Until when the account may not log in; NULL: it may.
ALTER TABLE user_account ADD COLUMN banned_until BIGINT;

-- What people look through for devices that are not theirs, and when a session ends whatever happens.
ALTER TABLE session ADD COLUMN last_seen_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN expires_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN user_agent TEXT NOT NULL DEFAULT '';
ALTER TABLE session ADD COLUMN address TEXT NOT NULL DEFAULT '';
-- 90 days, as for new ones.
UPDATE session SET last_seen_at = created_at, expires_at = created_at + 7776000000;
CREATE INDEX refresh_token_by_age ON refresh_token (expires_at);

-- What a role may do beside what every account may do with itself. The role admin may do everything.
CREATE TABLE role (
    role       TEXT PRIMARY KEY,
    created_at BIGINT NOT NULL
);

CREATE TABLE role_permission (
    role       TEXT NOT NULL REFERENCES role ON DELETE CASCADE,
    permission TEXT NOT NULL,
    PRIMARY KEY (role, permission)
);

INSERT INTO role (role, created_at)
SELECT 'admin', 0 UNION SELECT 'user', 0 UNION SELECT role, 0 FROM user_account;

-- Whom accounts belong to. `user_account.tenant_id` is the one of them that an account acts for.
CREATE TABLE tenant (
    tenant_id  TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE membership (
    tenant_id       TEXT NOT NULL REFERENCES tenant ON DELETE CASCADE,
    user_account_id TEXT NOT NULL REFERENCES user_account ON DELETE CASCADE,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, user_account_id)
);

CREATE INDEX membership_of_user ON membership (user_account_id);
