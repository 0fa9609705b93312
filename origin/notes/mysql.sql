CREATE TABLE IF NOT EXISTS notes (
    id          CHAR(36) PRIMARY KEY NOT NULL,
    user_id     CHAR(36) NOT NULL,
    title       VARCHAR(1024) NOT NULL,
    body        MEDIUMTEXT,
    -- Encrypted; found by its blind index.
    phone       TEXT,
    phone_index VARCHAR(64),
    created_at  DATETIME(6) NOT NULL,
    INDEX notes_of_user (user_id, created_at),
    INDEX notes_by_phone (phone_index)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS note_tags (
    id      CHAR(36) PRIMARY KEY NOT NULL,
    note_id CHAR(36) NOT NULL,
    tag     VARCHAR(255) NOT NULL,
    INDEX note_tags_of_note (note_id),
    FOREIGN KEY (note_id) REFERENCES notes (id) ON DELETE CASCADE
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
