"""retrograd: neural networks you can rewind."""
