"""What a learner can do, by what answers tell: with its uncertainty, and that of the questions."""
