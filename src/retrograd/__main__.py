"""``python -m retrograd``: the command line, where its script is not on the path."""

from retrograd.faces.cli import main

if __name__ == "__main__":
    main()
