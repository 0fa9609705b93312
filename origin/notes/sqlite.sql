CREATE TABLE IF NOT EXISTS notes (
    id          TEXT PRIMARY KEY NOT NULL,
    user_id     TEXT NOT NULL,
    title       TEXT NOT NULL,
    body        TEXT,
    -- Encrypted; found by its blind index.
    phone       TEXT,
    phone_index TEXT,
    created_at  TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS notes_of_user ON notes (user_id, created_at);
CREATE INDEX IF NOT EXISTS notes_by_phone ON notes (phone_index);

CREATE TABLE IF NOT EXISTS note_tags (
    id      TEXT PRIMARY KEY NOT NULL,
    note_id TEXT NOT NULL REFERENCES notes (id) ON DELETE CASCADE,
    tag     TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS note_tags_of_note ON note_tags (note_id);
