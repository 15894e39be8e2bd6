"""Start a server program as another user and tie its life to ours; run as a script, replaced by the program.

It is a process of its own because Python code between fork and exec is unsafe when the parent has threads.
The order matters: Linux forgets the parent-death signal when a process changes its user.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Become the program.

    Args:
        arguments: uid and gid to change to (``-`` keeps the present ones); the parent's process id if its
            death shall stop the program (``-`` otherwise); the program's path and its arguments.
    """
    uid, gid, parent_pid, program, *rest = arguments
    c_library = ctypes.CDLL(None, use_errno=True) if parent_pid != "-" else None
    os.umask(0o077)
    if uid != "-":
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    if c_library is not None:
        c_library.prctl(_PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
        if os.getppid() != int(parent_pid):
            sys.exit(1)  # the parent died before the signal was asked for, and would never be noticed
    os.execv(program, [program, *rest])  # noqa: S606 - no shell is what is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
