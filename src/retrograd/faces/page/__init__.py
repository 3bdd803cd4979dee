"""The page: a recorded training in the browser, in a notebook, or in one file of its own."""
