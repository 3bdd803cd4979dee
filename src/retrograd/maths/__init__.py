"""The vocabulary: activations, losses, initializers and schedules, in plain Python."""
