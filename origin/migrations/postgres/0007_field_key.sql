-- Keys that fields may be encrypted with. Times are milliseconds since 1970 (UTC).
CREATE TABLE field_key (
    key_id     TEXT PRIMARY KEY,
    -- Tells whether a key of this id is that key, and nothing else of it.
    key_check  TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
