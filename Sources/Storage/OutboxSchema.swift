/// What the schema has of telling others of exchanges.
extension Schema {
    static let outbox = """
        -- What is to be sent, in the order of commits. Whichever version of the program deletes an exchange or a session,
        -- what is to be sent of it goes with it.
        CREATE TABLE outbox (
            number INTEGER PRIMARY KEY,
            kind TEXT NOT NULL,
            session_id TEXT NOT NULL,
            exchange_id INTEGER NOT NULL REFERENCES exchanges (id) ON DELETE CASCADE,
            queued_at INTEGER NOT NULL,
            attempts INTEGER NOT NULL DEFAULT 0,
            not_before INTEGER NOT NULL DEFAULT 0,
            is_dead INTEGER NOT NULL DEFAULT 0,
            fault TEXT
        ) STRICT;
        CREATE INDEX outbox_by_session ON outbox (kind, is_dead, session_id, number);
        CREATE INDEX outbox_by_exchange ON outbox (exchange_id);
        CREATE INDEX outbox_by_time ON outbox (kind, is_dead, queued_at);

        -- A row of each kind. Triggers keep it.
        CREATE TABLE outbox_counts (
            kind TEXT PRIMARY KEY NOT NULL,
            pending INTEGER NOT NULL,
            dead INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TRIGGER outbox_added AFTER INSERT ON outbox BEGIN
            INSERT INTO outbox_counts (kind, pending, dead) VALUES (NEW.kind, 1 - NEW.is_dead, NEW.is_dead)
            ON CONFLICT (kind) DO UPDATE SET pending = pending + 1 - NEW.is_dead, dead = dead + NEW.is_dead;
        END;
        CREATE TRIGGER outbox_removed AFTER DELETE ON outbox BEGIN
            UPDATE outbox_counts SET pending = pending - 1 + OLD.is_dead, dead = dead - OLD.is_dead
            WHERE kind = OLD.kind;
        END;
        CREATE TRIGGER outbox_died AFTER UPDATE OF is_dead ON outbox BEGIN
            UPDATE outbox_counts SET pending = pending + OLD.is_dead - NEW.is_dead,
                dead = dead + NEW.is_dead - OLD.is_dead
            WHERE kind = NEW.kind;
        END;

        -- Where Discord shows a session: channel is the webhook's or the channel's id, thread that of the thread or, as
        -- long as it is not begun, of the message that it is to be made from.
        CREATE TABLE discord_threads (
            session_id TEXT PRIMARY KEY NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
            channel TEXT NOT NULL,
            thread TEXT NOT NULL,
            is_begun INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;

        -- Who logged in, until the session's thread has it.
        CREATE TABLE session_contacts (
            session_id TEXT PRIMARY KEY NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
            email TEXT NOT NULL,
            address TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        """
}
