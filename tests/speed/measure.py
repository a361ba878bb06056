"""Runs one program to its end, and prints what it took as a JSON line.

    measure.py LOG CGROUP[,CGROUP...] PROGRAM ARGUMENT...    (no cgroup: -)

Its own memory, about 9 MiB when it forks, is the least that `peak_bytes` can be: Linux counts it to the
program until that begins.
"""

import json
import os
import sys
import time

log, cgroups, *command = sys.argv[1:]
began = time.monotonic()
child = os.fork()
if child == 0:
    for cgroup in [] if cgroups == "-" else cgroups.split(","):
        with open(os.path.join(cgroup, "cgroup.procs"), "w") as procs:
            procs.write(str(os.getpid()))
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, str(error).encode())
        os._exit(127)
_, status, used = os.wait4(child, 0)
print(
    json.dumps(
        {
            "status": os.waitstatus_to_exitcode(status),
            "wall_s": time.monotonic() - began,
            "cpu_s": used.ru_utime + used.ru_stime,
            "peak_bytes": used.ru_maxrss * 1024,
        }
    )
)
