-- Browsers in which somebody signed in before: who brings one is not slowed down by the guesses of others. Times are UTC unix seconds.

CREATE TABLE device (
    user       TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE ON UPDATE CASCADE,
    token_hash BLOB NOT NULL,                                      -- SHA-256 of the token in the cookie
    created_at REAL NOT NULL,
    seen_at    REAL NOT NULL,
    PRIMARY KEY (user, token_hash)
) STRICT, WITHOUT ROWID;
