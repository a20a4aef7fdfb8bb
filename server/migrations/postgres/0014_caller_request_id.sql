-- What the caller named the request, where it did. Callers repeat their names, so it identifies nothing.
ALTER TABLE entries ADD COLUMN caller_request_id TEXT;
