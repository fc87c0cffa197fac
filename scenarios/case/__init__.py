"""A case: what an educator makes of a study, as one file that a person can read and write."""
