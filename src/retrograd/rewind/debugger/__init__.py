"""The debugger: goes through a recorded training, phase by phase, forward and back."""
