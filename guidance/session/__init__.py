"""A guidance session from the first sample to what is said of it: no device, no clock, no socket."""
