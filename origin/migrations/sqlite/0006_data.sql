-- What was written under an Idempotency-Key. Times are milliseconds since 1970 (UTC).
CREATE TABLE idempotency_key (
    -- SHA-256 of whose it is and of the key.
    key_hash     BLOB PRIMARY KEY NOT NULL,
    -- SHA-256 of the request that it was first sent with.
    request_hash BLOB NOT NULL,
    -- Keys of the rows, as JSON: never the rows, some of whose fields are encrypted.
    row_keys     TEXT NOT NULL,
    created_at   INTEGER NOT NULL
) STRICT;

CREATE INDEX idempotency_key_by_age ON idempotency_key (created_at);
