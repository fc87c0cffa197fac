"""Where the tip of a tool is in what its markers are tracked by."""
