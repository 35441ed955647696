"""How messages leave: one file a channel."""
