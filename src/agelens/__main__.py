"""`python -m agelens` is the command `agelens`."""

import sys

from agelens.errors import NOTHING_DONE


def main() -> None:
    """Run the command line; a Ctrl-C while it loads is answered by a sentence as any other."""
    try:
        # Here, for a traceback is no answer to a Ctrl-C in the first moment.
        from agelens.cli.main import main as run
    except KeyboardInterrupt:
        print(f"agelens: {NOTHING_DONE}", file=sys.stderr)
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
