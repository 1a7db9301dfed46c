"""CPython's multiprocessing, measured as the other subjects are: milliseconds per operation, as JSON."""

import json
import multiprocessing
import sys
import time


def nothing(*_):
    pass


def echo(connection):
    try:
        while True:
            connection.send(connection.recv())
    except EOFError:
        pass


def time_each(rounds, operation):
    samples = []
    for i in range(-(-rounds // 10) * -1, rounds):
        started_at = time.perf_counter()
        operation()
        if i >= 0:
            samples.append((time.perf_counter() - started_at) * 1000)
    return samples


def start(method, rounds):
    context = multiprocessing.get_context(method)

    def once():
        child = context.Process(target=nothing)
        child.start()
        child.join()
        child.close()

    return time_each(rounds, once)


def start_fork(size):
    kept = bytearray(size["heapMiB"] * 2**20)
    for at in range(0, len(kept), 4096):
        kept[at] = 1
    return start("fork", size["rounds"])


def start_spawn(size):
    return start("spawn", size["slowRounds"])


def pipe(size):
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=echo, args=(theirs,))
    child.start()
    theirs.close()
    message = bytes(size["bytes"])

    def once():
        ours.send(message)
        ours.recv()

    samples = time_each(size["rounds"], once)
    child.terminate()
    child.join()
    return samples


def with_pool(size, measure):
    with multiprocessing.get_context("fork").Pool(size["workers"]) as pool:
        pool.map(nothing, [1] * 1000, chunksize=1)
        return measure(pool)


def pool_map(size, chunksize):
    items = [1] * size["items"]
    samples = with_pool(size, lambda pool: time_each(size["rounds"], lambda: pool.map(nothing, items, chunksize=chunksize)))
    return [ms / len(items) for ms in samples]


def pool_apply(size):
    return with_pool(size, lambda pool: time_each(size["rounds"], lambda: pool.apply(nothing)))


def pool_create(size):
    context = multiprocessing.get_context("fork")

    def once():
        pool = context.Pool(size["workers"])
        pool.map(nothing, [1, 2, 3, 4], chunksize=1)
        pool.close()
        pool.join()

    return time_each(size["rounds"], once)


def pool_large(size):
    items = [bytes(size["bytes"])] * size["items"]
    samples = with_pool(size, lambda pool: time_each(size["rounds"], lambda: pool.map(len, items, chunksize=1)))
    return [ms / len(items) for ms in samples]


MEASUREMENTS = {
    "startFork": start_fork,
    "startSpawn": start_spawn,
    "pipe": pipe,
    "poolMap": lambda size: pool_map(size, 1),
    "poolMapAutomatic": lambda size: pool_map(size, None),
    "poolApply": pool_apply,
    "poolCreate": pool_create,
    "poolLarge": pool_large,
}

if __name__ == "__main__":
    print(json.dumps(MEASUREMENTS[sys.argv[1]](json.loads(sys.argv[2]))))
