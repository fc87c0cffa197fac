"""One module a kind of task: from the work on it and what is there to its score."""
