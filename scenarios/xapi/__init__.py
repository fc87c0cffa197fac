"""What a learning record store is told of a reading (xAPI 1.0.3, cmi5): statements as values, made from values."""
