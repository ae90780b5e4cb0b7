"""`python -m agelens` is the command `agelens`."""

import sys


def main() -> None:
    """Run the command line; a Ctrl-C while it loads is answered by a sentence as any other."""
    try:
        # Here, for a traceback is no answer to a Ctrl-C in the first moment.
        from agelens.cli.main import main as run
    except KeyboardInterrupt:
        print("agelens: Interrupted before anything was done.", file=sys.stderr)
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
