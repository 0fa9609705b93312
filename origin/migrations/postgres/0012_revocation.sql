-- What the gate is to hear: ended sessions, and users and tenants whose tokens hold no longer. Written with what it
-- is about, deleted when the gate has it. Only where `edge.url` is set.
CREATE TABLE revocation (
    revocation_id TEXT PRIMARY KEY,
    -- session, user or tenant
    kind          TEXT NOT NULL,
    subject_id    TEXT NOT NULL,
    -- In seconds since 1970: tokens issued before do not hold; NULL: none does.
    not_before_s  BIGINT,
    -- In seconds since 1970: when the last token that this is about expires by itself.
    until_s       BIGINT NOT NULL,
    -- When it is to be told, in milliseconds; while somebody tells it, when another origin may.
    due_at        BIGINT NOT NULL,
    -- Who tells it, or did.
    taken_by      TEXT
);

CREATE INDEX revocation_due ON revocation (due_at);

-- Exchanged tokens go soon: they name their session by themselves.
CREATE INDEX refresh_token_by_use ON refresh_token (used_at) WHERE used_at IS NOT NULL;
DROP INDEX refresh_token_by_age;
