/// What the schema has of logging in.
extension Schema {
    static let logins = """
        -- Whether the user was proved when the session began: never where a program before this wrote it.
        ALTER TABLE sessions ADD COLUMN proved INTEGER NOT NULL DEFAULT 0;

        -- The code that was sent to an address last. Address and code are keyed hashes.
        CREATE TABLE login_codes (
            address TEXT PRIMARY KEY NOT NULL,
            hash BLOB NOT NULL,
            tries INTEGER NOT NULL DEFAULT 0,
            expires_at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX login_codes_by_expiry ON login_codes (expires_at);

        -- What a mailbox or a network address, by its keyed hash, has used of its limit: all of it is free again then.
        CREATE TABLE login_limits (
            subject TEXT PRIMARY KEY NOT NULL,
            used_until INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX login_limits_by_end ON login_limits (used_until);
        """
}
