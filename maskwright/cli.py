"""The command line: a table of the commands, and one line for whatever goes wrong.

Only typer and the standard library are imported here and at the top of a command's file, so that it answers at once.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence

import typer

from maskwright.commands import assist, audit, compare, demo, doctor, propagate, qa, serve
from maskwright.commands.messages import print_error

COMMANDS = {
    "compare": compare,
    "qa": qa,
    "propagate": propagate,
    "assist": assist,
    "serve": serve,
    "demo": demo,
    "doctor": doctor,
}
"""The module of each command: its function ``run``, whose docstring is the help, and its ``EXAMPLE``."""

_STOPPED = 130  # what typer returns after Ctrl-C


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0 (done), 1 (done, some cases failed), 2 (bad input) or 130 (stopped)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # an odd file name must not break the output
    try:
        status = _app()(list(sys.argv[1:] if arguments is None else arguments) or ["--help"], standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stdout = None  # whoever read the output has gone; nothing is left to flush
        return 0
    except Exception as error:  # bad input of any kind is one line, never a trace
        usage = getattr(error, "format_message", None)
        if usage is not None:
            print_error(" ".join(usage().split()))
        else:
            from maskwright.errors import reason_of

            print_error(reason_of(error))
        return 2
    if status == _STOPPED:
        print_error("stopped; what qa has finished is kept, run the same command again to go on")
    return status if isinstance(status, int) else 0


def _app() -> typer.Typer:
    # Help is plain text: its frames and colours would take three times as long to load as all the rest.
    app = typer.Typer(
        name="maskwright",
        help="The segmentation engine behind medical annotation: exact agreement metrics, fast.",
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.add_typer(audit.app)
    for name, command in COMMANDS.items():
        app.command(name, epilog=f"Example: {command.EXAMPLE}")(command.run)
    return app


if __name__ == "__main__":
    sys.exit(main())
