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

export function echo(there, back) {
  for (let item = there.getSync(); item !== null; item = there.getSync()) back.putSync(item);
}

export async function echoAsync(there, back) {
  for (let item = await there.get(); item !== null; item = await there.get()) await back.put(item);
}
