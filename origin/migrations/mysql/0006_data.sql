-- What was written under an Idempotency-Key. Times are milliseconds since 1970 (UTC).
CREATE TABLE idempotency_key (
    -- SHA-256 of whose it is and of the key.
    key_hash     BINARY(32) PRIMARY KEY NOT NULL,
    -- SHA-256 of the request that it was first sent with.
    request_hash BINARY(32) NOT NULL,
    -- Keys of the rows, as JSON: never the rows, some of whose fields are encrypted.
    row_keys     MEDIUMTEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    INDEX idempotency_key_by_age (created_at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
