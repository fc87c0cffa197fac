"""How far a tool is from what it must not touch, and how well that is known."""
