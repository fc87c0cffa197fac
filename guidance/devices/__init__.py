"""What tells where things are: trackers, recordings of them, and a simulated one."""
