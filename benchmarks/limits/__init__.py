"""What no contender can pass, measured in turns with them: floors for the time of a step."""
