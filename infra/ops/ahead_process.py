"""The process that is started ahead of the engine: it imports what plugins and program need, and becomes all of them.

`python -m infra.ops.ahead_process FOLDER SOCKET MODULE...`. FOLDER has an empty file for the port of each plugin.
SOCKET is the descriptor on which our language host will ask for the program's process, or empty where that is another
host's. Of the modules the last one serves it (`serve`); the others are the program's.

The libraries are imported once and shared by forks, which come before the first use of gRPC: afterwards they would not
be allowed.
"""

import importlib
import os
import sys
from pathlib import Path

from infra.lifeline import is_closed


def main() -> None:
    """Import, part, serve."""
    from infra.provider import plugin, server

    for resource in plugin.RESOURCES.values():
        importlib.import_module(resource.partition(":")[0])
    _, folder, descriptor, *names = sys.argv
    if is_closed(int(os.environ["PITCHBAR_LIFELINE"])):
        return  # Whoever started this has ended meanwhile, and the folder with it.
    if descriptor:
        *_, of_program = [importlib.import_module(name) for name in names]
        if os.fork() == 0:
            of_program.serve(int(descriptor))
        os.close(int(descriptor))
    sys.argv[1:] = ["ahead"]
    first, *others = sorted(Path(folder).glob("plugin.?"))
    mine = next((port for port in others if os.fork() == 0), first)
    os.dup2(os.open(mine, os.O_WRONLY), 1)
    server.main()


if __name__ == "__main__":
    main()
