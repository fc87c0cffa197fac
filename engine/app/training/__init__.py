"""Training: what a server of cases and its pages say to each other."""
