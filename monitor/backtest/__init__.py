"""Rules over past items: what they would have found, and what a change to them changes."""
