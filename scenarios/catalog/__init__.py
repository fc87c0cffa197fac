"""The embedded catalogue: cases of phantoms, made at first use from what is written here. Nothing is downloaded."""
