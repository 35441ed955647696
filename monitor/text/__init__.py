"""Text: cleaning, tokens, folding, word forms, sentences, language. Pure, no I/O but models' data files."""
