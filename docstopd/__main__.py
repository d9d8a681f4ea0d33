"""`python -m docstopd`: the command line without its installed script."""

from docstopd.cli import main

if __name__ == "__main__":
    main()
