"""What a process on a GPU may do, without a GPU: answer, fail for good, die, never answer."""

import os
import time


def serve(connection):
    connection.send("ready")
    while True:
        request = connection.recv()
        if request == "die":
            os._exit(3)
        if request == "hang":
            time.sleep(60)
        connection.send({"found": os.getpid(), "broken": request == "break"})


def slow(connection):
    time.sleep(60)


def stillborn(connection):
    os._exit(4)
