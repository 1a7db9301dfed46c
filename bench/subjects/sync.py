"""CPython's locks, measured as the other subjects are: milliseconds per operation, as JSON."""

import json
import multiprocessing
import sys

from python import time_each

context = multiprocessing.get_context("fork")


def pairs(lock, count):
    acquire, release = lock.acquire, lock.release
    for _ in range(count):
        acquire()
        release()


def lock(size):
    free = context.Lock()
    return [ms / size["batch"] for ms in time_each(size["rounds"], lambda: pairs(free, size["batch"]))]


def compete(wanted, ready, count):
    ready.set()
    while True:
        pairs(wanted, count)


def lock_contended(size):
    wanted, ready = context.Lock(), context.Event()
    rival = context.Process(target=compete, args=(wanted, ready, size["batch"]), daemon=True)
    rival.start()
    ready.wait()
    times = time_each(size["rounds"], lambda: pairs(wanted, size["batch"]))
    rival.kill()
    rival.join()
    return [ms / size["batch"] / 2 for ms in times]


def answer(there, back):
    while True:
        there.acquire()
        back.release()


def hand_over(size):
    there, back = context.Semaphore(0), context.Semaphore(0)
    other = context.Process(target=answer, args=(there, back), daemon=True)
    other.start()

    def once():
        there.release()
        back.acquire()

    samples = time_each(size["rounds"], once)
    other.kill()
    other.join()
    return samples


MEASUREMENTS = {"lock": lock, "lockContended": lock_contended, "handOver": hand_over}

if __name__ == "__main__":
    print(json.dumps(MEASUREMENTS[sys.argv[1]](json.loads(sys.argv[2]))))
