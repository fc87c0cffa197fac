"""Training: cases, trainees and educators behind one server (`sightline train`)."""
