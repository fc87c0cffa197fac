"""A part that fills a hole in a skull, made from the other side of the head."""
