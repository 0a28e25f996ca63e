"""Installed as ``sitecustomize`` into every interpreter of the test: notes and stops each call to another machine."""

import os
import sys

LOCAL = (None, "", "localhost", "127.0.0.1", "::1", b"localhost", b"127.0.0.1")


def _callers():
    frame, names = sys._getframe(2), []
    while frame is not None:
        names.append(frame.f_code.co_name)
        frame = frame.f_back
    return " < ".join(names)


def watch(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"):
        target = arguments[0][0] if isinstance(arguments[0], tuple) else arguments[0]
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        target = address[0] if isinstance(address, tuple) else None  # else the path of a local socket
    else:
        return
    if target not in LOCAL:
        with open(os.environ["CALLS"], "a") as calls:
            calls.write(f"{' '.join(sys.argv)[:80]}: {_callers()}: {event} {target!r}\n")
        raise OSError(f"{target!r}: nobody may be called")


sys.addaudithook(watch)
