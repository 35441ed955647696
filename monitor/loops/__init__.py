"""Three loops of one form, claim, decide, commit: poll, flush, deliver; and keeping house."""
