-- The file as a whole.

-- name: measure_file
-- How many pages it has, how many of them are free, and how long a page is.
SELECT page_count, freelist_count, page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size;
