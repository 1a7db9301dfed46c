"""CPython's queues: one process puts as fast as it can, this one gets. Milliseconds per item, as JSON."""

import json
import multiprocessing
import sys
import time

ITEMS = {
    "number": lambda: 12345,
    "object": lambda: {"id": 12345, "name": "somebody", "tags": ["one", "two"], "weight": 0.5, "ok": True},
    "kibibytes4": lambda: bytes(4096),
    "mebibyte": lambda: bytes(2**20),
}


def produce(queue, go, size):
    item = ITEMS[size["kind"]]()
    while go.recv():
        for _ in range(size["items"]):
            queue.put(item)


def flow(size, make):
    context = multiprocessing.get_context("fork")
    queue = make(context)
    theirs, go = context.Pipe(duplex=False)
    child = context.Process(target=produce, args=(queue, theirs, size))
    child.start()
    samples = []
    for i in range(-1, size["rounds"]):
        started_at = time.perf_counter()
        go.send(True)
        for _ in range(size["items"]):
            queue.get()
        if i >= 0:
            samples.append((time.perf_counter() - started_at) * 1000 / size["items"])
    go.send(False)
    child.join()
    return samples


def consume(queue, done):
    while True:
        if queue.get() is None:
            done.put(True)


def produce_part(queue, go, size, items):
    item = ITEMS[size["kind"]]()
    while go.get():
        for _ in range(items - 1):
            queue.put(item)
        queue.put(None)


def crowd(size, make):
    context = multiprocessing.get_context("fork")
    queue, go, done = make(context), context.SimpleQueue(), context.SimpleQueue()
    part = size["items"] // size["pairs"]
    children = []
    for _ in range(size["pairs"]):
        children.append(context.Process(target=produce_part, args=(queue, go, size, part)))
        children.append(context.Process(target=consume, args=(queue, done)))
    for child in children:
        child.start()
    samples = []
    for i in range(-1, size["rounds"]):
        started_at = time.perf_counter()
        for _ in range(size["pairs"]):
            go.put(True)
        for _ in range(size["pairs"]):
            done.get()
        if i >= 0:
            samples.append((time.perf_counter() - started_at) * 1000 / size["items"])
    for child in children:
        child.kill()
    for child in children:
        child.join()
    return samples


class PipeQueue:
    def __init__(self, context):
        self.reader, self.writer = context.Pipe(duplex=False)
        self.get, self.put = self.reader.recv, self.writer.send


class BytesIntoOne:
    def __init__(self, context):
        self.reader, self.writer = context.Pipe(duplex=False)
        self.put = self.writer.send_bytes
        self.into = bytearray(2**20)

    def get(self):
        return self.reader.recv_bytes_into(self.into)


MEASUREMENTS = {
    "queue": lambda size: flow(size, lambda context: context.Queue()),
    "crowd": lambda size: crowd(size, lambda context: context.Queue()),
    "simpleCrowd": lambda size: crowd(size, lambda context: context.SimpleQueue()),
    "pipe": lambda size: flow(size, PipeQueue),
    "pipeInto": lambda size: flow(size, BytesIntoOne),
    "simpleQueue": lambda size: flow(size, lambda context: context.SimpleQueue()),
}

if __name__ == "__main__":
    print(json.dumps(MEASUREMENTS[sys.argv[1]](json.loads(sys.argv[2]))))
