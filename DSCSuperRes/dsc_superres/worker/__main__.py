"""``python -m dsc_superres.worker``."""

import sys

from dsc_superres.worker.process import main

if __name__ == "__main__":
    sys.exit(main())
