"""Rules: reading, compiling, matching, in-file tests. Pure: files come in as bytes, items as values."""
