"""What is said of a distance, how urgently, and until when somebody may ask for quiet."""
