-- 1 while sign-ups for an account that waits for its confirmation disagree about its password: who confirms the
-- address has not thereby said whose it is.
ALTER TABLE user_account ADD COLUMN contested INTEGER NOT NULL DEFAULT 0;
