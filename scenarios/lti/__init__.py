"""Launches from learning platforms, and grades for them (LTI 1.3, Assignment and Grade Services 2.0), as values."""
