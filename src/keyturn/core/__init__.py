"""Values and rules: no I/O, no clock, no randomness. Time is an argument, in milliseconds since 1970 (UTC)."""
