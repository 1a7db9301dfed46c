"""CPython's locks, measured as the other subjects are: milliseconds per operation, as JSON."""

import json
import multiprocessing
import sys
import time

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


AT_ONCE = 50


def count_in_windows(wanted, begin_at, size):
    """How many times both can be done in each of the windows, which begin at the same moments in all processes."""
    counts = [0] * size["rounds"]
    while True:
        at = int((time.monotonic() * 1000 - begin_at) // size["windowMs"])
        if at >= size["rounds"]:
            return counts
        pairs(wanted, AT_ONCE)
        if at >= 0:
            counts[at] += 1


def compete(wanted, begin_at, size, report):
    report.send(count_in_windows(wanted, begin_at, size))


def lock_contended(size):
    wanted = context.Lock()
    begin_at = time.monotonic() * 1000 + 100
    here, there = context.Pipe()
    rival = context.Process(target=compete, args=(wanted, begin_at, size, there), daemon=True)
    rival.start()
    own = count_in_windows(wanted, begin_at, size)
    others = here.recv()
    rival.join()
    # A window in which neither came to run is about other programs.
    both = [mine + theirs for mine, theirs in zip(own, others) if mine + theirs > 0]
    return [size["windowMs"] / (count * AT_ONCE) for count in both]


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
