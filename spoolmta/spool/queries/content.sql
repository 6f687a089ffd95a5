-- The content of messages, in pieces.

-- name: insert_content
INSERT INTO content (message_id, piece, data) VALUES (?, ?, ?);

-- name: insert_upload
INSERT OR IGNORE INTO upload (message_id, process_id) VALUES (?, ?);

-- name: delete_upload
DELETE FROM upload WHERE message_id = ?;

-- name: delete_uploads_of_process
DELETE FROM upload WHERE process_id = :process_id RETURNING message_id;

-- name: delete_content
DELETE FROM content WHERE message_id = ?;

-- name: read_piece
SELECT data FROM content WHERE message_id = :message_id AND piece = :piece;

-- name: read_whole
SELECT data FROM content WHERE message_id = :message_id ORDER BY piece;
