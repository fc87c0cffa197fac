"""Lesions put into volumes, so that no case is ever lacking: seeded, exact, and marked as synthetic."""
