// Many random lives of a queue in a simulated tree: who puts, gets, gives up and dies, in an order drawn from a seed. Nothing that was
// put is lost, nothing is got twice by the living, and each producer's order holds.
import { expect, test } from 'vitest';
import type { Channel, TransferHandle } from '../../../lib/backend/contract.js';
import { FallbackQueues } from '../../../lib/backend/fallback/queues/index.js';
import { QueueOutcome, type QueueHandle } from '../../../lib/backend/queue-contract.js';
import { SimulatedTree, type SimulatedProcess } from './simulated-tree.js';

process.setMaxListeners(0);

const SEEDS = 60;
const ROUNDS = 60;

interface Member {
  readonly process: SimulatedProcess;
  readonly queue: QueueHandle;
  readonly got: number[];
  pending: Promise<unknown>[];
}

/** One history of one queue. A message is a number; the put of it is `done`, `refused`, or unknown as its process died. */
class History {
  readonly tree: SimulatedTree;
  readonly members: Member[] = [];
  readonly done = new Set<number>();
  readonly refused = new Set<number>();
  #next = 0;

  constructor(seed: number) {
    this.tree = new SimulatedTree(seed);
  }

  async begin(maxSize: number, redeliver: boolean): Promise<void> {
    const { tree } = this;
    const shape = {
      maxSize,
      maxBytes: 0,
      onConsumerDied: redeliver ? ('redeliver' as const) : undefined,
    };
    const own = new FallbackQueues(tree.root.router).create(shape);
    this.members.push({ process: tree.root, queue: own, got: [], pending: [] });
    for (let made = 0; made < 4; made += 1) {
      // The last is a grandchild.
      const parent = made < 3 ? tree.root : (this.members[1] as Member).process;
      const process = tree.spawn(parent);
      const handle = own.toTransfer().handle as TransferHandle;
      const carried = made < 3 ? handle : (this.members[1] as Member).queue.toTransfer().handle;
      if (made === 3) handle.discard();
      const handles = [carried as TransferHandle];
      void parent.lines.get(process)?.send({ bytes: new Uint8Array(), handles }, {});
      const received = (process.control as Channel).recv({});
      await tree.run();
      const [arrived] = (await received).handles;
      const queue = new FallbackQueues(process.router).fromTransfer(undefined, arrived);
      this.members.push({ process, queue, got: [], pending: [] });
    }
  }

  act(joinable: boolean): void {
    const member = this.tree.pick(this.members.filter(({ process }) => process.alive));
    const choice = this.tree.random();
    if (choice < 0.4) this.put(member);
    else if (choice < 0.75) this.get(member);
    else if (choice < 0.85) this.getMany(member);
    else if (choice < 0.97 || member.process === this.tree.root) {
      if (joinable && member.got.length > 0 && member.queue.unfinished() > 0)
        member.queue.taskDone();
    } else this.tree.kill(member.process);
  }

  put(member: Member): void {
    const number = this.#next++;
    const message = { bytes: Buffer.from(String(number)), handles: [] };
    this.#follow(member, member.queue.put(message, this.#patience()), (outcome) => {
      (outcome === QueueOutcome.Done ? this.done : this.refused).add(number);
    });
    this.putBy.set(number, member);
  }

  readonly putBy = new Map<number, Member>();

  get(member: Member): void {
    this.#follow(member, member.queue.get(decode, this.#patience()), (taken) => {
      if (typeof taken === 'object') member.got.push(taken.value);
    });
  }

  getMany(member: Member): void {
    this.#follow(member, member.queue.getMany(decode, 3, this.#patience()), (taken) => {
      if (typeof taken !== 'object') return;
      for (const one of taken) if ('value' in one) member.got.push(one.value);
    });
  }

  /** Lets the last one get what is left. */
  async drain(): Promise<number[]> {
    const root = this.members[0] as Member;
    for (let quiet = false; !quiet;) {
      await this.tree.run();
      const taken = root.queue.getManySync(decode, 100, 0);
      quiet = typeof taken === 'number';
      if (typeof taken !== 'number') {
        for (const one of taken) if ('value' in one) root.got.push(one.value);
      }
    }
    return root.got;
  }

  /** What the dead are told does not count: their program runs no more. */
  #follow<T>(member: Member, answer: T | Promise<T>, tell: (value: T) => void): void {
    const told = (value: T): void => {
      if (member.process.alive) tell(value);
    };
    if (!(answer instanceof Promise)) told(answer);
    else
      member.pending.push(
        answer.then(told, (error: unknown) => {
          if ((error as Error).message !== 'given up') throw error;
        }),
      );
  }

  #patience(): { timeout?: number; signal?: AbortSignal } {
    const choice = this.tree.random();
    if (choice < 0.3) return { timeout: 0 };
    const controller = new AbortController();
    this.#giveUps.push(() => controller.abort(new Error('given up')));
    return { signal: controller.signal };
  }

  readonly #giveUps: (() => void)[] = [];

  giveUpOne(): void {
    const at = Math.floor(this.tree.random() * this.#giveUps.length);
    for (const giveUp of this.#giveUps.splice(at, 1)) giveUp();
  }

  giveUpAll(): void {
    for (const giveUp of this.#giveUps.splice(0)) giveUp();
  }
}

function decode(bytes: Buffer): number {
  return Number(Buffer.from(bytes).toString());
}

async function live(seed: number, joinable: boolean): Promise<History> {
  const history = new History(seed);
  await history.begin(seed % 3 === 0 ? 0 : 1 + (seed % 4), joinable);
  for (let round = 0; round < ROUNDS; round += 1) {
    history.act(joinable);
    if (history.tree.random() < 0.3) history.giveUpOne();
    for (let steps = Math.floor(history.tree.random() * 4); steps > 0; steps -= 1) {
      await history.tree.step();
    }
  }
  history.giveUpAll();
  await history.drain();
  return history;
}

function inOrder(history: History): void {
  for (const { got } of history.members) {
    const latest = new Map<Member | undefined, number>();
    for (const number of got) {
      const by = history.putBy.get(number);
      expect(latest.get(by) ?? -1).toBeLessThan(number);
      latest.set(by, number);
    }
  }
}

test.each([
  ['a plain queue', false],
  ['a joinable queue', true],
] as const)('nothing is lost or doubled: %s', async (_, joinable) => {
  let deaths = 0;
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const history = await live(seed, joinable);
    const { members, done, refused } = history;
    const living = members.filter(({ process }) => process.alive);
    deaths += members.length - living.length;
    const all = members.flatMap(({ got }) => got);
    const byLiving = living.flatMap(({ got }) => got);
    const seen = new Set(all);
    const context = `seed ${seed}`;
    expect(
      [...done].filter((number) => !seen.has(number)),
      context,
    ).toEqual([]);
    expect(
      [...refused].filter((number) => seen.has(number)),
      context,
    ).toEqual([]);
    expect(byLiving.length, context).toBe(new Set(byLiving).size);
    if (living.length === members.length) inOrder(history);
    await Promise.all(living.flatMap(({ pending }) => pending));
  }
  expect(deaths).toBeGreaterThan(SEEDS / 4);
});
