"""``python -m misen`` is the ``misen`` command."""

from misen.cli import main

if __name__ == "__main__":
    main()
