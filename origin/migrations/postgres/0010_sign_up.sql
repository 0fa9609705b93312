-- 1 for an account that somebody signed up for and nobody else has had to do with: until its address is
-- confirmed, the last sign-up decides its password. Of those that are there nobody knows: 0.
ALTER TABLE user_account ADD COLUMN signed_up BIGINT NOT NULL DEFAULT 0;
-- The password of a sign-up that found the address taken. It opens nothing; it is answered as that of an
-- account that waits for its confirmation.
ALTER TABLE user_account ADD COLUMN refused_hash TEXT;
