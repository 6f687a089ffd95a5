-- What pickup does to a message of maildrop beside moving it on.

-- name: last_piece
SELECT max(piece) FROM content WHERE message_id = :message_id;

-- name: put_content
INSERT OR REPLACE INTO content (message_id, piece, data) VALUES (?, ?, ?);
