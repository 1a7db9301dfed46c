import { itemOf } from './items.mjs';

/** Puts so many items whenever it is told to. */
export async function produce(queue, go, { kind, items }) {
  const item = itemOf(kind);
  while (go.getSync()) for (let i = 0; i < items; i++) queue.putSync(item);
}

export async function produceMany(queue, go, { kind, items }) {
  const many = Array(items).fill(itemOf(kind));
  while (go.getSync()) await queue.putMany(many);
}

/** Written where they lie: their first and their last byte. */
export async function produceLoans(queue, go, { bytes, items }) {
  while (go.getSync()) {
    for (let i = 0; i < items; i++) {
      const loan = queue.loan(bytes);
      const view = loan.bytes;
      view[0] = view[bytes - 1] = i;
      queue.putLoanSync(loan);
      // What is detached is let go of by the event loop.
      if (i % 256 === 0) await new Promise(setImmediate);
    }
  }
}

/** One of many: its part ends with a null, which is the last of it that anybody gets. */
export function producePart(queue, go, { kind, items }) {
  const item = itemOf(kind);
  while (go.getSync()) {
    for (let i = 1; i < items; i++) queue.putSync(item);
    queue.putSync(null);
  }
}

/** Takes what comes, until it is ended. Whose part it was is nobody's concern. */
export function consume(queue, done) {
  for (;;) if (queue.getSync() === null) done.putSync(true);
}

export function sendAll(connection, go, { kind, items }) {
  const item = itemOf(kind);
  while (go.getSync()) for (let i = 0; i < items; i++) connection.sendSync(item);
}

export function sendAllBytes(connection, go, { kind, items }) {
  const item = itemOf(kind);
  while (go.getSync()) for (let i = 0; i < items; i++) connection.sendBytesSync(item);
}

export function echo(there, back) {
  for (let item = there.getSync(); item !== null; item = there.getSync()) back.putSync(item);
}

export async function echoAsync(there, back) {
  for (let item = await there.get(); item !== null; item = await there.get()) await back.put(item);
}
