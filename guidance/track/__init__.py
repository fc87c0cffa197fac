"""Where tracked things are, how well that is known, and why not."""
