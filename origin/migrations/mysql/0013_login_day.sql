-- Old counts are found by the day: an index by the moment would have to be changed with every login.
ALTER TABLE login_failure ADD COLUMN last_day BIGINT GENERATED ALWAYS AS (last_at DIV 86400000) STORED;
CREATE INDEX login_failure_by_day ON login_failure (last_day);
DROP INDEX login_failure_by_age ON login_failure;
