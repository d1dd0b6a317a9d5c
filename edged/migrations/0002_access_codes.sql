-- Accounts that may not come in for a while, and what their owners share. Times are UTC unix seconds.

ALTER TABLE user ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1));

CREATE TABLE access_code (
    id           TEXT PRIMARY KEY,
    words_hash   BLOB NOT NULL UNIQUE,                             -- SHA-256 of the words without case, spaces and dashes
    hint         TEXT NOT NULL,                                    -- the last characters, to tell codes apart
    own_words    INTEGER NOT NULL CHECK (own_words IN (0, 1)),     -- 1 = thought up by a person
    owner        TEXT REFERENCES user (name) ON DELETE CASCADE ON UPDATE CASCADE, -- NULL = root, on the box itself
    description  TEXT NOT NULL,
    most_viewers INTEGER CHECK (most_viewers > 0),                 -- at once; NULL = any number
    created_at   REAL NOT NULL,
    renewed_at   REAL,
    expires_at   REAL,                                             -- NULL = until revoked
    ended_at     REAL,                                             -- when it was seen to have expired: stays so, whatever the clock does
    revoked_at   REAL,
    last_used_at REAL
) STRICT;

CREATE INDEX access_code_owner ON access_code (owner);

CREATE TABLE access_code_item (
    code       TEXT NOT NULL REFERENCES access_code (id) ON DELETE CASCADE ON UPDATE CASCADE,
    media_type TEXT NOT NULL CHECK (media_type IN ('video', 'image', 'recordings')),
    media_slug TEXT NOT NULL,
    PRIMARY KEY (code, media_type, media_slug)
) STRICT, WITHOUT ROWID;
