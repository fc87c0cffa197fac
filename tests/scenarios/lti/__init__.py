"""Tests of what a launch must be, and of what a grade says."""
