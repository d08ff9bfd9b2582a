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

from dsc_superres.errors import Cancelled, DSCError
from dsc_superres.utils.ending import Ended, ending_at_signals
from dsc_superres.utils.partial_entries import discard_unfinished
from dsc_superres.utils.standard_streams import open_standard_streams, silence_output

INTERRUPTED = 130
DEBUG = "DSC_SUPERRES_DEBUG"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code. Heavy libraries load only when a command needs them."""
    if not sys.warnoptions and not os.environ.get(DEBUG):
        warnings.simplefilter("ignore")  # those of libraries speak to programmers; ours are printed as notes
    open_standard_streams()
    with ending_at_signals():
        try:
            return _run(arguments)
        finally:
            discard_unfinished()


def _run(arguments: list[str] | None) -> int:
    from dsc_superres.cli.parser import build_parser

    try:
        options = build_parser().parse_args(arguments)
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
    except MemoryError:
        return _fail("there is not enough memory for this series: close other programs or use a smaller factor", 2)
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        hint = f"{DEBUG}=1 shows where"
        return _fail(f"unexpected error ({type(error).__name__}: {error}); {hint}", 1)
    return 0


def _fail(sentence: str, code: int) -> int:
    with suppress(OSError):
        print(f"dsc-superres: {sentence}", file=sys.stderr)
    return code
