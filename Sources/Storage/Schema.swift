import Chat
import GRDB

/// The schema's history. A migration that has been released never changes; a new one is appended.
enum Schema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        // Ids have since come to be made before their commit, in the order of the questions (ExchangeIDGenerator).
        migrator.registerMigration(first) { db in
            try db.execute(
                sql: """
                    CREATE TABLE sessions (
                        id TEXT PRIMARY KEY NOT NULL,
                        user_id TEXT NOT NULL,
                        email_hash TEXT NOT NULL,
                        browser_hash TEXT NOT NULL,
                        address TEXT NOT NULL,
                        created_at INTEGER NOT NULL,
                        expires_at INTEGER NOT NULL,
                        last_activity_at INTEGER NOT NULL,
                        active INTEGER NOT NULL DEFAULT 1,
                        messages_used INTEGER NOT NULL DEFAULT 0
                    ) STRICT, WITHOUT ROWID;

                    CREATE TABLE reservations (
                        number INTEGER PRIMARY KEY AUTOINCREMENT,
                        session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
                        lapses_at INTEGER NOT NULL
                    ) STRICT;
                    CREATE INDEX reservations_by_session ON reservations (session_id);

                    -- id grows in the order of commits; conversation is the id of its first exchange,
                    -- NULL on that exchange itself.
                    CREATE TABLE exchanges (
                        id INTEGER PRIMARY KEY,
                        session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
                        conversation INTEGER,
                        created_at INTEGER NOT NULL,
                        origin TEXT NOT NULL CHECK (origin IN ('model', 'cache', 'held')),
                        model TEXT,
                        provider TEXT,
                        prompt_tokens INTEGER NOT NULL,
                        completion_tokens INTEGER NOT NULL,
                        total_tokens INTEGER NOT NULL,
                        danger TEXT,
                        question TEXT NOT NULL,
                        answer TEXT NOT NULL
                    ) STRICT;
                    CREATE INDEX exchanges_by_session ON exchanges (session_id);
                    CREATE INDEX exchanges_by_conversation ON exchanges (conversation) WHERE conversation IS NOT NULL;

                    CREATE TABLE answers (
                        key BLOB PRIMARY KEY NOT NULL,
                        request BLOB NOT NULL,
                        expires_at INTEGER NOT NULL,
                        model TEXT NOT NULL,
                        provider TEXT NOT NULL,
                        prompt_tokens INTEGER NOT NULL,
                        completion_tokens INTEGER NOT NULL,
                        total_tokens INTEGER NOT NULL,
                        text TEXT NOT NULL
                    ) STRICT;
                    CREATE INDEX answers_by_expiry ON answers (expires_at);
                    """)
        }
        migrator.registerMigration("2 leases, stale answers, smaller reservations") { db in
            try db.execute(
                sql: """
                    -- The questions that are being asked: number is that of the reservation, holder that of the
                    -- process, awaited how many others wait for it, failure what came of it.
                    CREATE TABLE leases (
                        key BLOB PRIMARY KEY NOT NULL,
                        number INTEGER NOT NULL,
                        holder INTEGER NOT NULL,
                        lapses_at INTEGER NOT NULL,
                        awaited INTEGER NOT NULL DEFAULT 0,
                        failure TEXT
                    ) STRICT, WITHOUT ROWID;

                    -- A reservation lives for seconds. This form is one page to write, where the old one was three.
                    DROP TABLE reservations;
                    CREATE TABLE reservations (
                        session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
                        number INTEGER NOT NULL,
                        lapses_at INTEGER NOT NULL,
                        PRIMARY KEY (session_id, number)
                    ) STRICT, WITHOUT ROWID;

                    ALTER TABLE exchanges ADD COLUMN stale INTEGER NOT NULL DEFAULT 0;
                    """)
        }
        // Before this nobody wrote down which answers were cut by length.
        migrator.registerMigration("finish reasons of exchanges and answers") { db in
            try db.execute(
                sql: """
                    ALTER TABLE exchanges ADD COLUMN finish_reason TEXT NOT NULL DEFAULT 'stop';
                    ALTER TABLE answers ADD COLUMN finish_reason TEXT NOT NULL DEFAULT 'stop';
                    """)
        }
        migrator.registerMigration("bytes of answers, sessions by their end") { db in
            // The key, the numbers and what SQLite itself needs for a row and its index.
            func size(_ row: String) -> String { "length(\(row)request) + length(CAST(\(row)text AS BLOB)) + 200" }
            try db.execute(
                sql: """
                    -- One row. Triggers keep it, whichever version of the program writes.
                    CREATE TABLE answer_bytes (total INTEGER NOT NULL) STRICT;
                    INSERT INTO answer_bytes SELECT coalesce(sum(\(size(""))), 0) FROM answers;
                    -- INSERT OR REPLACE alone fires no trigger for the row that it replaces.
                    CREATE TRIGGER answers_replaced BEFORE INSERT ON answers BEGIN
                        DELETE FROM answers WHERE key = NEW.key;
                    END;
                    CREATE TRIGGER answers_added AFTER INSERT ON answers BEGIN
                        UPDATE answer_bytes SET total = total + \(size("NEW."));
                    END;
                    CREATE TRIGGER answers_removed AFTER DELETE ON answers BEGIN
                        UPDATE answer_bytes SET total = total - (\(size("OLD.")));
                    END;

                    CREATE INDEX sessions_by_end ON sessions (expires_at, id);
                    """)
        }
        migrator.registerMigration("API keys, costs of exchanges") { db in
            try db.execute(
                sql: """
                    -- A key is a session of its own besides: that says whose history it is, when it ends, and whether
                    -- it is revoked. Amounts are pico-dollars; levels are of the rate meters.
                    CREATE TABLE keys (
                        id TEXT PRIMARY KEY NOT NULL,
                        session_id TEXT NOT NULL UNIQUE REFERENCES sessions (id) ON DELETE CASCADE,
                        name TEXT NOT NULL,
                        models TEXT,
                        rpm INTEGER,
                        tpm INTEGER,
                        parallel INTEGER,
                        budget INTEGER,
                        budget_period TEXT,
                        management INTEGER NOT NULL,
                        spent INTEGER NOT NULL DEFAULT 0,
                        period_start INTEGER NOT NULL DEFAULT 0,
                        request_level INTEGER NOT NULL DEFAULT 0,
                        request_time INTEGER NOT NULL DEFAULT 0,
                        token_level INTEGER NOT NULL DEFAULT 0,
                        token_time INTEGER NOT NULL DEFAULT 0
                    ) STRICT, WITHOUT ROWID;
                    CREATE INDEX keys_by_name ON keys (name);

                    -- The secrets of keys, by their HMAC: one of each key, and beside it what was rotated away and may
                    -- still be used for a while.
                    CREATE TABLE key_tokens (
                        number INTEGER PRIMARY KEY,
                        hash BLOB NOT NULL UNIQUE,
                        key_id TEXT NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
                        prefix TEXT NOT NULL,
                        expires_at INTEGER NOT NULL
                    ) STRICT;
                    CREATE INDEX key_tokens_by_key ON key_tokens (key_id);

                    -- What a key's question may use and cost at the most.
                    ALTER TABLE reservations ADD COLUMN tokens INTEGER NOT NULL DEFAULT 0;
                    ALTER TABLE reservations ADD COLUMN cost INTEGER NOT NULL DEFAULT 0;

                    -- NULL where nobody knows.
                    ALTER TABLE exchanges ADD COLUMN cost INTEGER;
                    ALTER TABLE exchanges ADD COLUMN saved INTEGER;
                    ALTER TABLE exchanges ADD COLUMN cached_prompt_tokens INTEGER NOT NULL DEFAULT 0;
                    ALTER TABLE exchanges ADD COLUMN estimated INTEGER NOT NULL DEFAULT 0;
                    """)
        }
        migrator.registerMigration("states of exchanges, daily usage") { db in
            // A sum that passes the largest integer would fail; unlike it, total() is a floating-point number.
            func sum(_ column: String) -> String {
                """
                CASE WHEN total(\(column)) < 9e18 THEN sum(\(column) / 1000000) * 1000000 + sum(\(column) % 1000000)
                ELSE 9223372036854775807 END
                """
            }
            try db.execute(
                sql: """
                    -- 'abandoned': nobody stayed for the answer, which is what had been generated by then. 'unsettled':
                    -- its process was killed in the call, and nobody knows what that cost.
                    ALTER TABLE exchanges ADD COLUMN state TEXT NOT NULL DEFAULT 'complete';

                    -- What the exchanges of a day (since 1970, UTC) come to. Tokens are those of calls, and not of
                    -- cached answers; cost and saved are sums of what is known, and of unpriced requests the cost is
                    -- not.
                    CREATE TABLE usage (
                        day INTEGER NOT NULL,
                        user_id TEXT NOT NULL,
                        model TEXT NOT NULL,
                        provider TEXT NOT NULL,
                        requests INTEGER NOT NULL,
                        prompt_tokens INTEGER NOT NULL,
                        completion_tokens INTEGER NOT NULL,
                        cached_prompt_tokens INTEGER NOT NULL,
                        cost INTEGER NOT NULL,
                        saved INTEGER NOT NULL,
                        unpriced INTEGER NOT NULL,
                        estimated INTEGER NOT NULL,
                        PRIMARY KEY (day, user_id, model, provider)
                    ) STRICT, WITHOUT ROWID;

                    INSERT INTO usage
                    SELECT e.created_at / 86400000, s.user_id, coalesce(e.model, ''), coalesce(e.provider, ''),
                        count(*), sum(iif(origin = 'model', prompt_tokens, 0)),
                        sum(iif(origin = 'model', completion_tokens, 0)),
                        sum(iif(origin = 'model', cached_prompt_tokens, 0)),
                        \(sum("coalesce(cost, 0)")), \(sum("coalesce(saved, 0)")),
                        sum(origin = 'model' AND cost IS NULL), sum(origin = 'model' AND estimated)
                    FROM exchanges e JOIN sessions s ON s.id = e.session_id GROUP BY 1, 2, 3, 4;
                    """)
        }
        migrator.registerMigration("parents of exchanges") { db in
            // NULL for the one before it in its conversation, which is what programs before this meant; 0 for none.
            try db.execute(sql: "ALTER TABLE exchanges ADD COLUMN parent INTEGER")
        }
        migrator.registerMigration("conversations") { db in try db.execute(sql: conversations) }
        migrator.registerMigration("deletions") { db in try db.execute(sql: deletions) }
        migrator.registerMigration("daily calls") { db in
            try db.execute(
                sql: """
                    -- Calls of providers, by their day (since 1970, UTC); told is what an operator was told of it.
                    CREATE TABLE daily_calls (
                        day INTEGER PRIMARY KEY,
                        calls INTEGER NOT NULL,
                        told INTEGER NOT NULL DEFAULT 0
                    ) STRICT;
                    """)
        }
        migrator.registerMigration("proved sessions, login codes") { db in try db.execute(sql: logins) }
        migrator.registerMigration("outbox") { db in try db.execute(sql: outbox) }
        migrator.registerMigration("joined reservations") { db in
            // Of a question that waits for the answer to an equal one: no call is its own.
            try db.execute(sql: "ALTER TABLE reservations ADD COLUMN joined INTEGER NOT NULL DEFAULT 0")
        }
        return migrator
    }

    /// - Throws: ``ChatError`` when the file was written by a newer program.
    static func bringUpToDate(_ queue: DatabaseQueue) throws {
        guard try !queue.read(migrator.hasBeenSuperseded) else { throw ChatError.storage(isNewer) }
        try migrator.migrate(queue)
    }

    /// - Throws: ``StorageFailure`` when this is no database of Parley's, or a newer program's.
    static func check(_ db: GRDB.Database) throws {
        guard try migrator.appliedIdentifiers(db).contains(first) else {
            throw StorageFailure(.other, "it is no database of Parley's")
        }
        guard try !migrator.hasBeenSuperseded(db) else { throw StorageFailure(.other, isNewer) }
    }

    private static let first = "1 sessions, exchanges, answers"
    private static let isNewer =
        "it was written by a newer version of this program; install that version or a later one"
}
