"""`python -m dev`: the local stack. Until it can stop in order, Ctrl-C simply ends it."""

import signal
import sys

signal.signal(signal.SIGINT, signal.SIG_DFL)

from dev.run import main  # noqa: E402 # importing takes a moment, in which a Ctrl-C is no traceback

sys.exit(main())
