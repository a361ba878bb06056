"""Keeps one child process, and ends it and everything it started when standard input closes.

The Rust process holds the other end of standard input. However it ends (a return, a panic, Ctrl-C,
kill -9), the kernel closes the pipe, and this process kills the whole family. It is not a service
supervisor: nothing is ever started again.

Takes one argument, a JSON object: command (list), user (name or null), signal (number), grace_s,
log (path or null: standard error), folder (path or null). Prints one JSON line: {"pid": 123}, or
{"refused": "a sentence"}. Exits with the child's code, 128 + n if signal n ended it.
"""

import ctypes
import json
import os
import pwd
import select
import signal
import subprocess
import sys
import time

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
# Between two looks at the family while it is ending; every death wakes us earlier.
PAUSE_S = 0.02
# A process that survives SIGKILL for so long is stuck in the kernel: say so and go.
STUCK_S = 10.0

libc = ctypes.CDLL(None, use_errno=True)


def say(**what):
    print(json.dumps(what), flush=True)


def refuse(sentence):
    say(refused=sentence)
    sys.exit(1)


def die_with_the_keeper():
    """The second rope: if this keeper is itself killed with -9, its child is too."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def start(order):
    identity = {}
    if order["user"]:
        try:
            user = pwd.getpwnam(order["user"])
        except KeyError:
            refuse(f"there is no user `{order['user']}` on this machine to run "
                   f"{order['command'][0]} as: run the tests as an ordinary user instead of root")
        identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    output = open(order["log"], "ab") if order["log"] else sys.stderr.buffer
    try:
        # A session of its own: Ctrl-C in the terminal does not reach the child before its time.
        return subprocess.Popen(
            order["command"], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            cwd=order["folder"], start_new_session=True, preexec_fn=die_with_the_keeper, **identity)
    except (OSError, subprocess.SubprocessError) as error:
        refuse(f"{order['command'][0]} could not be started: {error}")


def family():
    """Every process below this one. As subreaper it inherits whoever loses a parent, so a
    descendant that moved to a session of its own is found as well. One that is dead counts until
    it has been collected: its first thread can be dead while others still hold a port."""
    parents = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        parents[int(entry)] = int(fields[1])
    found = {os.getpid()}
    grew = True
    while grew:
        below = {pid for pid, parent in parents.items() if parent in found}
        grew = not below <= found
        found |= below
    return found - {os.getpid()}


def send(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


class Reaper:
    """Collects every child that ends, ours and inherited, and remembers how ours did."""

    def __init__(self, child):
        self.child = child
        self.code = None

    def reap(self):
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.child:
                code = os.waitstatus_to_exitcode(status)
                self.code = code if code >= 0 else 128 - code


def end(reaper, wake, number, grace_s):
    """Asks the family to end, and after the grace makes it. Returns when nobody is left."""
    patient_until = time.monotonic() + grace_s
    stuck_at = patient_until + STUCK_S
    left = family()
    send(left, number)
    # A stopped process takes no signal but these two.
    send(left, signal.SIGCONT)
    while True:
        reaper.reap()
        left = family()
        if not left:
            return
        if time.monotonic() >= stuck_at:
            print(f"these processes survive SIGKILL: {sorted(left)}", file=sys.stderr, flush=True)
            return
        if time.monotonic() >= patient_until:
            send(left, signal.SIGKILL)
        select.select([wake], [], [], PAUSE_S)
        drain(wake)


def drain(wake):
    try:
        while os.read(wake, 4096):
            pass
    except BlockingIOError:
        pass


def main():
    order = json.loads(sys.argv[1])
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    wake, waker = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    ending = []
    # Caught, never ignored: an ignored signal would stay ignored in the child.
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: ending.append(True))

    child = start(order)
    reaper = Reaper(child.pid)
    say(pid=child.pid)
    while reaper.code is None and not ending:
        readable, _, _ = select.select([0, wake], [], [])
        drain(wake)
        reaper.reap()
        if 0 in readable and not os.read(0, 4096):
            break
    if reaper.code is None:
        end(reaper, wake, order["signal"], order["grace_s"])
    else:
        # The child went by itself; what it left behind gets no grace.
        end(reaper, wake, signal.SIGKILL, 0)
    # Not sys.exit: Popen's destructor would wait for a child that is collected already.
    os._exit(1 if reaper.code is None else reaper.code)


main()
