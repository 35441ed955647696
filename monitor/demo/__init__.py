"""The demonstration: a recorded news day, replayed as live feeds on the loopback interface."""
