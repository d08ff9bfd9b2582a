"""``python -m dsc_superres`` is the command ``dsc-superres``."""

import sys

from dsc_superres.cli import main

if __name__ == "__main__":
    sys.exit(main())
