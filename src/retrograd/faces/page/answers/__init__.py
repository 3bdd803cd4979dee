"""What a page may ask, and the answers to it; one file a view, all plain data and arrays."""
