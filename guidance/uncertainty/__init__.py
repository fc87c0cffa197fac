"""How well a place is known, in millimetres, and from what its error comes."""
