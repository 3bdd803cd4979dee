"""One arithmetic: forward, backward and update, and the loop that repeats them."""
