"""How soon CPython's primitives wake a process that sleeps on another processor. Milliseconds, as JSON."""

import json
import multiprocessing
import sys
import time

context = multiprocessing.get_context("fork")


def keep_waking(wake, report, pause):
    """Lets the other one sleep for so many seconds, each time, and tells it when it was woken."""
    while True:
        until = time.monotonic() + pause
        while time.monotonic() < until:
            pass
        at = time.monotonic()
        wake(at)
        report.send(at)


def time_wakes(size, wake, wait):
    here, there = context.Pipe()
    other = context.Process(target=keep_waking, args=(wake, there, size["pauseUs"] / 1e6), daemon=True)
    other.start()
    samples = []
    for i in range(-size["rounds"] // 10, size["rounds"]):
        wait()
        returned = time.monotonic()
        at = here.recv()
        if i >= 0:
            samples.append((returned - at) * 1000)
    other.kill()
    other.join()
    return samples


def semaphore(size):
    one = context.Semaphore(0)
    return time_wakes(size, lambda at: one.release(), one.acquire)


def simple_queue(size):
    queue = context.SimpleQueue()
    return time_wakes(size, queue.put, queue.get)


def pipe(size):
    reader, writer = context.Pipe(duplex=False)
    return time_wakes(size, writer.send, reader.recv)


MEASUREMENTS = {"semaphore": semaphore, "simpleQueue": simple_queue, "pipe": pipe}

if __name__ == "__main__":
    print(json.dumps(MEASUREMENTS[sys.argv[1]](json.loads(sys.argv[2]))))
