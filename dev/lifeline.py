"""Ties a process's life to its parent's, so that even a killed supervisor leaves nothing behind.

Linux only (PR_SET_PDEATHSIG); elsewhere a `kill -9` of the supervisor leaves its children running.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from typing import Final

PR_SET_PDEATHSIG: Final = 1


def tied(number: signal.Signals) -> Callable[[], None]:
    """Return a `preexec_fn`: the kernel sends the child this signal when our thread ends.

    Everything is loaded here, in the parent; between fork and exec only system calls are left.
    """
    parent = os.getpid()
    arguments = (PR_SET_PDEATHSIG, int(number), 0, 0, 0)
    prctls = [ctypes.CDLL(None).prctl] if sys.platform == "linux" else []

    def tie() -> None:
        for prctl in prctls:
            prctl(*arguments)
        if os.getppid() != parent:  # it ended before the tie was there
            os.kill(os.getpid(), signal.SIGKILL)

    return tie


def tie_to_parent(number: signal.Signals) -> None:
    """Have the kernel send this very process a signal when its parent ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
