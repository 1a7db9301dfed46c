import { isAborted, reasonOf } from '../../../base/abort-signal.js';
import { PendingWait } from '../../../base/wait.js';
import type { Wait } from '../../../base/options.js';
import { ClosedError, SerializationError } from '../../../errors.js';
import type { EndTable } from '../end-table.js';
import type { EndId, Reply } from '../frames.js';
import type { QueueReply } from '../queues/words.js';
import { after, firstState, type Act, type State } from './state.js';
import type { Answer, Made, ObjectKind, Snapshot, SyncReply, Want } from './words.js';

/** A question that the broker has not answered. */
interface Asking {
  /** The handle through which it was asked: it is not collected meanwhile. */
  readonly owner: object;
  answer(answer: Answer): void;
  fail(error: Error): void;
}

const WORDS: ReadonlySet<string> = new Set<(SyncReply | QueueReply)['op']>([
  'state',
  'answer',
  'wrong',
  'lost',
  'settled',
  'refused',
  'given',
]);

export function isAboutObject(reply: Reply): reply is SyncReply | QueueReply {
  return WORDS.has(reply.op);
}

let lastAct = 0;

/**
 * A shared object as this process knows it: the last state that the broker has told, and what this process has done to it
 * since, which the broker may not know yet.
 */
export class LocalObject {
  readonly made: Made;
  readonly id: EndId;
  protected readonly table: EndTable;
  #told: State;
  /** The told state with all of our acts; kept, as it is read more often than it changes. */
  #view: State;
  #acts: { n: number; act: Act }[] = [];
  readonly #asking = new Map<number, Asking>();
  protected lost = false;

  constructor(id: EndId, table: EndTable, { made, state }: Snapshot) {
    this.id = id;
    this.made = made;
    this.table = table;
    this.#told = state;
    this.#view = state;
  }

  static fresh(made: Made): Snapshot {
    return { made, state: firstState(made), applied: 0 };
  }

  /** @throws SerializationError when the object is of another kind. */
  check(kind: ObjectKind): this {
    if (this.made.kind === kind) return this;
    throw new SerializationError(
      `the message names a ${kind}, but what came is a ${this.made.kind}`,
      'message',
    );
  }

  get process(): string {
    return this.table.process;
  }

  get view(): State {
    return this.#view;
  }

  /** False, and nothing done, when by all that is known here it cannot be done. */
  act(act: Act): boolean {
    if (this.lost) throw lostObject();
    const view = after(this.#view, act, this.process, this.made);
    if (view === undefined) return false;
    this.#view = view;
    lastAct += 1;
    this.#acts.push({ n: lastAct, act });
    this.table.request({ op: 'act', end: this.id, n: lastAct, act });
    return true;
  }

  /**
   * Answered when it comes true, when the time is over, or, with a timeout of 0, at the broker's first word. `asked` runs when
   * the question is on its way; when it throws, nothing has been asked.
   */
  ask(owner: object, want: Want, { timeout, signal }: Wait, asked?: () => void): Promise<Answer> {
    if (this.lost) return Promise.reject(lostObject());
    if (signal !== undefined && isAborted(signal)) return Promise.reject(reasonOf(signal));
    const { liveness } = this.table;
    const token = this.table.token();
    const drop = (): void => this.table.request({ op: 'drop', end: this.id, token });
    const limits = timeout === 0 ? { signal } : { timeout, signal };
    let late = false;
    // When the time is over the broker has the last word: it may have given what was asked for meanwhile.
    const waitForLastWord = (): Promise<Answer> => {
      late = true;
      const lastWord = new Promise<Answer>((resolve, reject) => {
        this.#asking.set(token, { owner, answer: resolve, fail: reject });
      });
      drop();
      return lastWord.finally(() => {
        liveness.release();
      });
    };
    const pending = new PendingWait<Answer | Promise<Answer>>(limits, waitForLastWord, () => {
      if (late) return;
      liveness.release();
      // Still there: it was neither the broker's answer nor the loss of the broker.
      if (this.#asking.delete(token)) drop();
    });
    liveness.hold();
    this.#asking.set(token, {
      owner,
      answer: (answer) => {
        pending.resolve(answer);
      },
      fail: (error) => {
        pending.reject(error);
      },
    });
    this.table.request({ op: 'ask', end: this.id, token, once: timeout === 0, want });
    try {
      asked?.();
    } catch (error) {
      pending.reject(error);
    }
    return pending.promise as Promise<Answer>;
  }

  handle(reply: SyncReply | QueueReply): void {
    if (reply.op === 'state') this.#hear(reply);
    else if (reply.op === 'answer') this.#answered(reply);
    else if (reply.op === 'lost') this.#take(reply.token)?.fail(lostObject());
    else if (reply.op === 'wrong')
      process.emitWarning(tooLate(reply.act, this.made), 'MultiprocessingWarning');
  }

  /** The broker is lost, and every object with it. */
  lose(): void {
    this.lost = true;
    for (const token of [...this.#asking.keys()]) this.#take(token)?.fail(lostObject());
  }

  #hear({ state, applied }: Extract<SyncReply, { op: 'state' }>): void {
    this.#told = state;
    if (this.#acts.length > 0) this.#acts = this.#acts.filter(({ n }) => n > applied);
    this.#view = this.#told;
    for (const { act } of this.#acts) {
      this.#view = after(this.#view, act, this.process, this.made) ?? this.#view;
    }
    this.table.request({ op: 'seen', end: this.id });
  }

  #answered({ token, answer, gift }: Extract<SyncReply, { op: 'answer' }>): void {
    const asking = this.#take(token);
    if (gift) {
      this.table.request({ op: 'got', end: this.id, token, kept: asking !== undefined });
    }
    asking?.answer(answer);
  }

  #take(token: number): Asking | undefined {
    const asking = this.#asking.get(token);
    this.#asking.delete(token);
    return asking;
  }
}

export function lostObject(): ClosedError {
  return new ClosedError(
    'the object is gone: the first process of the tree, which kept it for all, has ended',
  );
}

function tooLate({ do: verb }: Act, { kind }: Made): string {
  if (kind === 'queue') {
    return 'taskDone() did nothing: other processes had said it of everything that was put';
  }
  const name = verb === 'post' ? 'release' : verb;
  return (
    `${name}() of a ${kind} did nothing: another process had released it at the same time, ` +
    'so this process released what it no longer had'
  );
}
