"""How the patient lies in the frame that is tracked, and how well that is known."""
