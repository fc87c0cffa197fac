"""Inner loops of designing an implant."""
