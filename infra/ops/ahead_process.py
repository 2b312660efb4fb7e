"""The process that is started ahead of the engine: it imports what the plugin and the program need, and becomes both.

`python -m infra.ops.ahead_process SOCKET MODULE...`: SOCKET is the descriptor on which our language host will ask for
the program's process, or empty where that is another host's. Of the modules the last one serves it (`serve`); the others
are the program's. The libraries are imported once and shared by a fork, which comes before the first use of gRPC:
afterwards it would not be allowed.
"""

import importlib
import os
import sys


def main() -> None:
    """Import, part, serve."""
    from infra.provider import server

    _, descriptor, *names = sys.argv
    if descriptor:
        *_, of_program = [importlib.import_module(name) for name in names]
        if os.fork() == 0:
            of_program.serve(int(descriptor))
        os.close(int(descriptor))
    sys.argv[1:] = ["ahead"]
    server.main()


if __name__ == "__main__":
    main()
