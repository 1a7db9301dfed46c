/**
 * Which forked process is a party to which queue. fork(2) copies every handle, so each child could put into every queue that its
 * parent had, and who gets would not see the end while one of them lives. As with pipes a queue that was ever an argument of a
 * process goes by arguments: a forked child is a party to those among its own arguments, and to another one only when it uses it,
 * since a function may have captured it. A queue that is only captured stays as fork copied it.
 */
import type { QueueHandle } from '../backend/queue-contract.js';
import { goByArguments } from '../base/given.js';

type HandleOf = (value: object) => QueueHandle | undefined;

const classes: HandleOf[] = [];
/** The queues that go by arguments. */
const given = new Set<WeakRef<QueueHandle>>();
const noted = new WeakSet<QueueHandle>();

/** Queues of a class go by arguments. `handleOf` answers undefined for what is none, and runs nothing of the user's. */
export function queuesGoByArguments(handleOf: HandleOf): void {
  classes.push(handleOf);
}

function handleOf(value: object): QueueHandle | undefined {
  for (const each of classes) {
    const handle = each(value);
    if (handle !== undefined) return handle;
  }
  return undefined;
}

goByArguments({
  has: (value) => handleOf(value) !== undefined,
  give(found) {
    for (const ref of given) if (ref.deref() === undefined) given.delete(ref);
    const kept = new Set<QueueHandle>();
    for (const value of found) {
      const handle = handleOf(value);
      // Nothing is inherited there.
      if (handle?.leave === undefined) continue;
      kept.add(handle);
      note(handle);
    }
    return (rehearsal) => {
      for (const ref of rehearsal ? [] : given) {
        const handle = ref.deref();
        if (handle !== undefined && !kept.has(handle)) handle.leave?.();
      }
    };
  },
});

function note(handle: QueueHandle): void {
  // To give it is to use it: a party to it by now, if it was none.
  void handle.closed;
  if (noted.has(handle)) return;
  noted.add(handle);
  given.add(new WeakRef(handle));
}
