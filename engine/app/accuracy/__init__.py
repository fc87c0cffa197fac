"""`sightline accuracy`: a tracked pointer held against a known artefact, as a page, as data and over time."""
