"""CPython's Pool at the jobs of jobs.mjs, with two processes and with one. Milliseconds per piece, as JSON."""

import gzip
import json
import math
import multiprocessing
import os
import sys
import time

DT = 0.001


def gzip_file(file):
    with open(file, "rb") as source:
        packed = gzip.compress(source.read(), compresslevel=6)
    with open(file + ".gz", "wb") as target:
        target.write(packed)
    return len(packed)


def n_body(steps):
    bodies = [[i + 1.0, i * i * 0.5, 1 / (i + 1), 0.1 * i, 0.2 - 0.05 * i, 0.01 * i, 1 / (i + 1)] for i in range(5)]
    pairs = [(bodies[i], bodies[j]) for i in range(5) for j in range(i + 1, 5)]
    for _ in range(steps):
        for a, b in pairs:
            dx, dy, dz = a[0] - b[0], a[1] - b[1], a[2] - b[2]
            squared = dx * dx + dy * dy + dz * dz + 0.01
            pull = DT / (squared * math.sqrt(squared))
            of_b, of_a = b[6] * pull, a[6] * pull
            a[3] -= dx * of_b
            a[4] -= dy * of_b
            a[5] -= dz * of_b
            b[3] += dx * of_a
            b[4] += dy * of_a
            b[5] += dz * of_a
        for body in bodies:
            body[0] += DT * body[3]
            body[1] += DT * body[4]
            body[2] += DT * body[5]
    return sum(0.5 * m * (vx * vx + vy * vy + vz * vz) for _, _, _, vx, vy, vz, m in bodies)


def files_in(folder):
    found = [os.path.join(place, name) for place, _, names in os.walk(folder) for name in names]
    return sorted(file for file in found if not file.endswith(".gz"))


# A piece of the kernel takes CPython so long that a few of them tell.
PIECES = 4
JOBS = {
    "gzipFile": (gzip_file, lambda size: files_in(size["folder"])),
    "nBody": (n_body, lambda size: [size["steps"]] * PIECES),
}


def job(size, run):
    task, items_of = JOBS[size["job"]]
    items = items_of(size)
    samples = []
    for _ in range(size["slowRounds"]):
        started_at = time.perf_counter()
        answers = run(task, items)
        samples.append((time.perf_counter() - started_at) * 1000 / len(items))
        if len(answers) != len(items) or min(answers) <= 0:
            raise ValueError("wrong answers")
    return samples


def pooled(size):
    with multiprocessing.get_context("fork").Pool(size["workers"]) as pool:
        return job(size, lambda task, items: pool.map(task, items, chunksize=1))


MEASUREMENTS = {
    "pool": pooled,
    "one": lambda size: job(size, lambda task, items: [task(item) for item in items]),
}

if __name__ == "__main__":
    print(json.dumps(MEASUREMENTS[sys.argv[1]](json.loads(sys.argv[2]))))
