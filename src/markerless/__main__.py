"""`python -m markerless` is the command `markerless`."""

import sys

from markerless.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
