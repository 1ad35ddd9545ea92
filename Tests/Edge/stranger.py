"""What another user of the machine gets of a running pool: to be run as that user, who may enter the pool's folder.

Prints a line for each thing that is open to them, and nothing else.

usage: stranger.py FOLDER SOCKET SECRET PID...
"""

import errno
import os
import signal
import socket
import sys

folder, path, secret, *pids = sys.argv[1:]


def opens(what, action):
    try:
        action()
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            print(f"{what}: {error}")
    else:
        print(what)


def connect(address):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(address)
        return connection.detach()


def replace():
    os.rename(folder + "/s", folder + "/t")


opens("connects to the socket", lambda: os.close(connect(path)))
opens("makes a file", lambda: os.close(os.open(folder + "/mine", os.O_CREAT | os.O_WRONLY)))
opens("replaces the socket", replace)
for name in sorted(os.listdir(folder)):
    file = f"{folder}/{name}"
    if file == path:
        continue
    opens(f"reads {name}", lambda: os.close(os.open(file, os.O_RDONLY)))
    opens(f"writes {name}", lambda: os.close(os.open(file, os.O_WRONLY)))
    opens(f"removes {name}", lambda: os.unlink(file))

for pid in pids:
    for name in ("environ", "mem", "maps", "fd/0", "cwd", "auxv"):
        opens(f"reads {name} of a process", lambda: os.close(os.open(f"/proc/{pid}/{name}", os.O_RDONLY)))
    opens("sends a signal", lambda: os.kill(int(pid), signal.SIGTERM))
    opens("lowers a limit", lambda: __import__("resource").prlimit(int(pid), 7, (0, 0)))
    if secret.encode() in open(f"/proc/{pid}/cmdline", "rb").read():
        print("reads a secret in a command line")

# The sockets by which workers hear of each other have no file: everybody may connect, and is sent away unheard.
relays = {line.split()[-1] for line in open("/proc/net/unix") if "@parley-relay/" in line}
if not relays:
    print("there are no relays to try")
for name in relays:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect("\0" + name[1:])
            connection.sendall(b"\x01" * 64)
            if connection.recv(1):
                print("is heard by a relay")
    except (ConnectionError, BrokenPipeError):
        pass
