-- Who may come in, who is in, what the owner has said, and which cameras were ever seen. Times are UTC unix seconds.

CREATE TABLE user (
    name        TEXT PRIMARY KEY,
    role        TEXT NOT NULL CHECK (role IN ('admin', 'viewer')),
    password    TEXT NOT NULL,                                     -- argon2id, encoded
    all_cameras INTEGER NOT NULL DEFAULT 1 CHECK (all_cameras IN (0, 1)),
    created_at  REAL NOT NULL
) STRICT;

-- Cameras that a viewer may watch, when not all.
CREATE TABLE camera_grant (
    user   TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE ON UPDATE CASCADE,
    camera TEXT NOT NULL,
    PRIMARY KEY (user, camera)
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
    id         TEXT PRIMARY KEY,
    token_hash BLOB NOT NULL UNIQUE,                               -- SHA-256 of the token in the cookie
    user       TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE ON UPDATE CASCADE,
    created_at REAL NOT NULL,
    seen_at    REAL NOT NULL,
    expires_at REAL NOT NULL
) STRICT;

CREATE INDEX session_user ON session (user);

CREATE TABLE setting (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A camera keeps the slug it was given once; key = USB identity (serial, else port).
CREATE TABLE camera (
    key          TEXT PRIMARY KEY,
    slug         TEXT NOT NULL UNIQUE,
    name         TEXT,
    created_at   REAL,
    last_seen_at REAL
) STRICT;
