"""What people see and type: the command line, and what it prints."""
