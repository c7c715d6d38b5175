"""`python -m markerless` is the command `markerless`."""

from markerless.cli.main import run

if __name__ == "__main__":
    run()
