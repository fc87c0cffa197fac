"""Which case comes next, and why."""
