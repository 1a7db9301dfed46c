/**
 * V8 compiles WebAssembly on its own threads, which a forked child has as well, and nothing tells of it: a compilation under way at a fork
 * ends in both processes, and what awaits it goes on in both. The first `fetch` of a program awaits one. So those that were begun are
 * counted, and a fork waits for them, as for lookups.
 */
import { AfterForkOrder, resetAfterFork } from '../../base/after-fork.js';
import { log } from '../../base/log.js';

const underWay = new Set<object>();

resetAfterFork(AfterForkOrder.NodeState, (occasion) => {
  // A twin has what is under way as well, and its own children wait for that.
  if (occasion === 'clean') underWay.clear();
});

export function compilationsInFlight(): boolean {
  return underWay.size > 0;
}

type Compile = (...args: unknown[]) => unknown;

/** The same function, counted. What it answers settles as before. */
function counted(compile: Compile): Compile {
  return new Proxy(compile, {
    apply(target, self, args: unknown[]) {
      const begun = Reflect.apply(target, self, args);
      // A program may have put a function of its own there before.
      return begun instanceof Promise ? whileUnderWay(begun) : begun;
    },
  });
}

async function whileUnderWay(begun: Promise<unknown>): Promise<unknown> {
  underWay.add(begun);
  try {
    return await begun;
  } finally {
    underWay.delete(begun);
  }
}

/** Those that read from the network are not: they may wait for ever. */
function countCompilations(): void {
  // Not among the types of a language without a browser.
  const { WebAssembly } = globalThis as unknown as { WebAssembly: Record<string, Compile> };
  for (const name of ['compile', 'instantiate']) {
    const compile = WebAssembly[name];
    if (compile !== undefined)
      Object.defineProperty(WebAssembly, name, { value: counted(compile) });
  }
}

try {
  if (process.platform === 'linux') countCompilations();
} catch (error) {
  log('WebAssembly cannot be watched: %o', error);
}
