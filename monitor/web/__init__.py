"""What the daemon shows over HTTP: health, metrics and one page for people; it changes nothing."""
