"""`python -m pipeline` and the `boxwright` command: run it, and show errors in one place."""

from __future__ import annotations

import atexit
import gc
import sys


def main() -> None:
    """Run the command line; a user's mistake ends in a message and exit 1, never a traceback."""
    from pipeline.cli.commands import program
    from pipeline.errors import BoxwrightError

    atexit.register(_end)
    try:
        program(sys.argv[1:])()
    except BoxwrightError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(1)
    except KeyboardInterrupt:
        print("stopped.", file=sys.stderr)  # noqa: T201
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # the reader (`| head`) has gone: nothing more to say
        sys.exit(0)


def _end() -> None:
    """End without a search for cycles in all that is left: 0.03 s.

    Not with torch: its libraries print what such a search would have freed.
    """
    if "torch" not in sys.modules:
        gc.freeze()


if __name__ == "__main__":
    main()
