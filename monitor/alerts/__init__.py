"""The life of an alert: pure decisions from hits to what each recipient is told and when."""
