"""Launched from a learning platform, and grades for it (LTI 1.3): the shell round `scenarios.lti`. See docs/lti.md."""
