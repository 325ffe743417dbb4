"""``python -m sigmax``: the command ``sigmax``."""

import sys

from sigmax.cli import main

if __name__ == "__main__":
    sys.exit(main())
