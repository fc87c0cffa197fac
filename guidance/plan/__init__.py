"""What a session is to do, decided before it: on which scan, with what, near what, and how it is registered."""
