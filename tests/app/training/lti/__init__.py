"""Launches and grades of learning platforms, against a platform of the tests' own."""
