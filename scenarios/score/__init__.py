"""Readings scored as reader studies are: matched in millimetres, figures of merit with their uncertainty."""
