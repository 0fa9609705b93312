-- What was written under an Idempotency-Key. Times are milliseconds since 1970 (UTC).
CREATE TABLE idempotency_key (
    -- SHA-256 of whose it is and of the key.
    key_hash     BYTEA PRIMARY KEY,
    -- SHA-256 of the request that it was first sent with.
    request_hash BYTEA NOT NULL,
    -- Keys of the rows, as JSON: never the rows, some of whose fields are encrypted.
    row_keys     TEXT NOT NULL,
    created_at   BIGINT NOT NULL
);

CREATE INDEX idempotency_key_by_age ON idempotency_key (created_at);

-- Who asks, for row policies of the database itself, as Supabase's are written. Where that schema is
-- there already, it stays as it is.
CREATE SCHEMA IF NOT EXISTS auth;
GRANT USAGE ON SCHEMA auth TO PUBLIC;

DO $$
BEGIN
    IF to_regprocedure('auth.jwt()') IS NULL THEN
        CREATE FUNCTION auth.jwt() RETURNS jsonb LANGUAGE sql STABLE AS
            $f$ SELECT coalesce(nullif(current_setting('request.jwt.claims', true), ''), '{}')::jsonb $f$;
    END IF;
    IF to_regprocedure('auth.uid()') IS NULL THEN
        CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE AS
            $f$ SELECT (auth.jwt() ->> 'sub')::uuid $f$;
    END IF;
    IF to_regprocedure('auth.role()') IS NULL THEN
        CREATE FUNCTION auth.role() RETURNS text LANGUAGE sql STABLE AS
            $f$ SELECT auth.jwt() ->> 'role' $f$;
    END IF;
    IF to_regprocedure('auth.tenant()') IS NULL THEN
        CREATE FUNCTION auth.tenant() RETURNS text LANGUAGE sql STABLE AS
            $f$ SELECT auth.jwt() ->> 'tenant_id' $f$;
    END IF;
END
$$;
