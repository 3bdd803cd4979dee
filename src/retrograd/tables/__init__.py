"""From tables to matrices: reading files, choosing the task, encoding columns."""
