"""How well a tracked pointer measures: a known artefact is touched, and what was measured is held against it.

After ASTM F2554-22, "Standard Practice for Measurement of Positional Accuracy of Computer Assisted Surgical Systems":
single points, sensitivity to the pointer's orientation, distances from point to point; the pointer at rest.
"""
