"""The walk through a trace: one plain document of it, and what is drawn from that."""
