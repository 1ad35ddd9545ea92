/// What the schema has of conversations and of deleted texts.
extension Schema {
    static let conversations = """
        -- One of each exchange that begins one: the newest exchange, how many there are, and the title that
        -- its owner gave it. Triggers keep it, whichever version of the program writes. An exchange's own
        -- conflict policy (OR IGNORE) is theirs, too.
        CREATE TABLE conversations (
            id INTEGER PRIMARY KEY,
            session_id TEXT NOT NULL,
            last INTEGER NOT NULL,
            count INTEGER NOT NULL,
            title TEXT
        ) STRICT;
        INSERT INTO conversations (id, session_id, last, count)
        SELECT id, session_id, id, 1 FROM exchanges WHERE conversation IS NULL AND state = 'complete';
        INSERT INTO conversations (id, session_id, last, count)
        SELECT conversation, session_id, max(id), count(*) FROM exchanges
        WHERE conversation IS NOT NULL AND state = 'complete' GROUP BY conversation
        ON CONFLICT (id) DO UPDATE SET last = max(last, excluded.last), count = count + excluded.count;
        CREATE INDEX conversations_by_activity ON conversations (session_id, last);

        CREATE TRIGGER conversation_begun AFTER INSERT ON exchanges
        WHEN NEW.conversation IS NULL AND NEW.state = 'complete' BEGIN
            INSERT OR IGNORE INTO conversations (id, session_id, last, count)
            VALUES (NEW.id, NEW.session_id, NEW.id, 1);
        END;
        CREATE TRIGGER conversation_continued AFTER INSERT ON exchanges
        WHEN NEW.conversation IS NOT NULL AND NEW.state = 'complete' BEGIN
            INSERT OR IGNORE INTO conversations (id, session_id, last, count)
            VALUES (NEW.conversation, NEW.session_id, NEW.id, 0);
            UPDATE conversations SET last = max(last, NEW.id), count = count + 1 WHERE id = NEW.conversation;
        END;
        CREATE TRIGGER conversation_shortened AFTER DELETE ON exchanges WHEN OLD.state = 'complete' BEGIN
            UPDATE conversations SET count = count - 1 WHERE id = coalesce(OLD.conversation, OLD.id);
            DELETE FROM conversations WHERE id = coalesce(OLD.conversation, OLD.id) AND count <= 0;
        END;

        CREATE INDEX sessions_by_user ON sessions (user_id);
        """

    static let deletions = """
        -- The first eight bytes of the answer's key: what to delete with it. 0 for none, NULL where programs
        -- did not write it down.
        ALTER TABLE exchanges ADD COLUMN answer_key INTEGER;

        -- What was deleted lately: exchanges of that conversation, or of any (0), up to that id. One that is
        -- asked meanwhile is recorded without its texts.
        CREATE TABLE deletions (
            session_id TEXT NOT NULL,
            conversation INTEGER NOT NULL,
            through INTEGER NOT NULL,
            deleted_at INTEGER NOT NULL,
            PRIMARY KEY (session_id, conversation)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX deletions_by_time ON deletions (deleted_at);

        -- What exchanges whose texts were deleted have used and cost.
        CREATE TABLE deleted_exchanges (
            id INTEGER PRIMARY KEY,
            session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
            created_at INTEGER NOT NULL,
            origin TEXT NOT NULL,
            model TEXT,
            prompt_tokens INTEGER NOT NULL,
            completion_tokens INTEGER NOT NULL,
            cost INTEGER,
            saved INTEGER,
            estimated INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX deleted_exchanges_by_session ON deleted_exchanges (session_id);
        """
}
