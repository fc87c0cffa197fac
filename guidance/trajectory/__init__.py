"""Straight ways to a target: which are good, how near they pass by what must not be touched, how to keep to one."""
