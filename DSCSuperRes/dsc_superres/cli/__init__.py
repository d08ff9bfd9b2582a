"""The command ``dsc-superres``: one sub-command per job, one sentence per error.

Exit codes: 0 done; 1 a defect of this software (``DSC_SUPERRES_DEBUG=1`` shows the traceback); 2 an argument or an
input is not usable; 130 interrupted. What fails leaves no output behind.
"""

from __future__ import annotations

import os
import sys
import warnings

from dsc_superres.errors import Cancelled, DSCError

INTERRUPTED = 130
DEBUG = "DSC_SUPERRES_DEBUG"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code. Heavy libraries load only when a command needs them."""
    from dsc_superres.cli.parser import build_parser

    if not sys.warnoptions and not os.environ.get(DEBUG):
        warnings.simplefilter("ignore")  # those of libraries speak to programmers; ours are printed as notes
    try:
        options = build_parser().parse_args(arguments)
        options.run(options)
        sys.stdout.flush()
    except (KeyboardInterrupt, Cancelled):
        return _fail("interrupted", INTERRUPTED)
    except DSCError as error:
        return _fail(str(error), 2)
    except BrokenPipeError:
        # The reader of our output has gone, as `| head` does; Python would complain again when it closes the pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
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
    print(f"dsc-superres: {sentence}", file=sys.stderr)
    return code
