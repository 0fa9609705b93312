-- Old counts are found by the day, as on the other engines, where an index by the moment would have to be changed
-- with every login.
ALTER TABLE login_failure ADD COLUMN last_day INTEGER GENERATED ALWAYS AS (last_at / 86400000) VIRTUAL;
CREATE INDEX login_failure_by_day ON login_failure (last_day);
DROP INDEX login_failure_by_age;
