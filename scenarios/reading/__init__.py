"""One trainee reading one case: everything that happens is an event, and everything else follows from events."""
