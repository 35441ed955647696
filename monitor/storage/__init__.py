"""Where everything durable lives: one contract, two back ends."""
