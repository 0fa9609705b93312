-- Since when the account is nobody's any more: what stays is its id, for what refers to it.
ALTER TABLE user_account ADD COLUMN deleted_at INTEGER;
