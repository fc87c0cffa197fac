"""The inner loops of distance, compiled."""
