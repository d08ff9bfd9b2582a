"""The command ``dsc-superres``: one sub-command per job, one sentence per error.

Exit codes: 0 done; 1 a defect of this software (``DSC_SUPERRES_DEBUG=1`` shows the traceback); 2 an argument or an
input is not usable; 130 interrupted; 143 and 129 ended by another process, or because the terminal was closed. What
fails leaves no output behind.
"""

from __future__ import annotations

import os
import sys
import warnings
from contextlib import suppress

from dsc_superres.errors import Cancelled, DSCError, os_error_text
from dsc_superres.utils.ending import Ended, ending_at_signals
from dsc_superres.utils.memory_errors import out_of_memory
from dsc_superres.utils.partial_entries import discard_unfinished
from dsc_superres.utils.pytorch import from_torch, torch_problem
from dsc_superres.utils.standard_streams import open_standard_streams, printable, silence_output
from dsc_superres.utils.supervision import crash_text, load_numerical_libraries, supervised

INTERRUPTED = 130
MORE_MEMORY = "close other programs or use a smaller factor"
DEBUG = "DSC_SUPERRES_DEBUG"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code. Heavy libraries load only when a command needs them."""
    if not sys.warnoptions and not os.environ.get(DEBUG):
        warnings.simplefilter("ignore")  # those of libraries speak to programmers; ours are printed as notes
    open_standard_streams()
    if arguments is None:  # a process of its own, not a call from Python
        return supervised(lambda: _run(sys.argv[1:], restore=False), _crashed)
    return _run(arguments)


def _run(arguments: list[str], restore: bool = True) -> int:
    with ending_at_signals(restore):
        try:
            return _run_command(arguments)
        finally:
            discard_unfinished()


def _crashed(name: str) -> int:
    sentence = crash_text(name)
    return _fail(f"{sentence[0].lower()}{sentence[1:]}: {MORE_MEMORY}", 2)


def _run_command(arguments: list[str]) -> int:
    try:
        from dsc_superres.cli.parser import build_parser  # here, since a signal may come while it loads

        options = build_parser().parse_args(arguments)
        load_numerical_libraries()
        options.run(options)
        sys.stdout.flush()
    except Ended as ended:
        return _fail("interrupted", ended.exit_code)
    except (KeyboardInterrupt, Cancelled):
        return _fail("interrupted", INTERRUPTED)
    except DSCError as error:
        return _fail(str(error), 2)
    except BrokenPipeError:
        # The reader of our output has gone, as `| head` does; Python would complain again when it closes the pipe.
        silence_output()
        return 0
    except Exception as error:
        if out_of_memory(error):
            return _fail(f"there is not enough memory for this series: {MORE_MEMORY}", 2)
        if from_torch(error) and torch_problem():
            return _fail(torch_problem(), 2)
        if isinstance(error, OSError):  # of a disk, a permission or a name that is too long: nothing that we do wrong
            name = f"{error.filename}: " if error.filename else ""
            return _fail(f"{name}{os_error_text(error)}; check the name and the permissions", 2)
        if os.environ.get(DEBUG):
            raise
        hint = f"{DEBUG}=1 shows where"
        return _fail(f"unexpected error ({type(error).__name__}: {error}); {hint}", 1)
    return 0


def _fail(sentence: str, code: int) -> int:
    with suppress(OSError):
        print(printable(f"dsc-superres: {sentence}"), file=sys.stderr)
    return code
