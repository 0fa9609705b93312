-- Keys that fields may be encrypted with. Times are milliseconds since 1970 (UTC).
CREATE TABLE field_key (
    key_id     VARCHAR(64) PRIMARY KEY NOT NULL,
    -- Tells whether a key of this id is that key, and nothing else of it.
    key_check  VARCHAR(64) NOT NULL,
    created_at BIGINT NOT NULL
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
