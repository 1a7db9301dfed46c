// How wait() and waitSync() go about objects of any kind: what is asked of them, and that nothing of it is left.
import { createRequire } from 'node:module';
import {
  NotSupportedError,
  Pipe,
  wait,
  waitSync,
  type Wait,
  type Waitable,
} from 'node-multiprocessing';
import { describe, expect, test } from 'vitest';
import type * as Base from '../../../lib/base/readiness.js';

const native = process.env['MULTIPROCESSING_BACKEND'] !== 'fallback';
const { READINESS } = createRequire(import.meta.url)(
  '../../../dist/base/readiness.js',
) as typeof Base;

/** Something that is waited for as shared objects are: its descriptor rings only while it is armed. */
class Fake {
  looks = 0;
  arms = 0;
  armed = 0;
  pending = 0;
  /** Told how often it has been looked at. */
  look: (looks: number) => boolean | undefined = () => false;
  arm: () => number = () => -1;
  resolve: (ready: boolean) => void = () => undefined;
  reject: (reason: unknown) => void = () => undefined;

  get it(): Waitable {
    return this as unknown as Waitable;
  }

  [READINESS](): Base.Readiness {
    return {
      look: () => this.look(++this.looks),
      wait: (options) => this.#wait(options),
      arm: () => {
        this.armed += 1;
        this.arms += 1;
        return { fd: this.arm(), events: 1 };
      },
      disarm: () => {
        this.armed -= 1;
      },
    };
  }

  async #wait({ signal, timeout }: Wait): Promise<boolean> {
    if (timeout === 0) return true;
    this.pending += 1;
    try {
      return await new Promise<boolean>((resolve, reject) => {
        this.resolve = resolve;
        this.reject = reject;
        signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      });
    } finally {
      this.pending -= 1;
    }
  }
}

/** Each is ready from the moment on at which the one behind it is looked at, as a line is to which somebody sends who then ends. */
function chain(): { watched: Waitable[]; happen: () => void } {
  const fakes = Array.from({ length: 3 }, () => new Fake());
  const happen = (index = fakes.length - 1): void => {
    const fake = fakes[index];
    if (fake === undefined) return;
    fake.look = () => {
      happen(index - 1);
      return true;
    };
  };
  return { watched: fakes.map(({ it }) => it), happen };
}

describe('wait()', () => {
  test('asks those that cannot be looked at, also when another one is ready', async () => {
    const [seen, asked, idle] = [new Fake(), new Fake(), new Fake()];
    seen.look = () => true;
    asked.look = () => undefined;
    expect(await wait([idle.it, asked.it, seen.it])).toEqual([asked, seen]);
  });

  test('withdraws from all before it answers, and looks at the others once more', async () => {
    const fakes = Array.from({ length: 5 }, () => new Fake());
    const [first, second] = fakes as [Fake, Fake];
    const waiting = wait(fakes.map(({ it }) => it));
    await expect.poll(() => fakes.map(({ pending }) => pending)).toEqual([1, 1, 1, 1, 1]);
    first.look = second.look = () => true;
    first.resolve(true);
    expect(await waiting).toEqual([first, second]);
    expect(fakes.map(({ pending }) => pending)).toEqual([0, 0, 0, 0, 0]);
  });

  test('tells of what came before that which it tells of, before and after waiting', async () => {
    const { watched, happen } = chain();
    happen();
    expect(await wait(watched)).toEqual(watched);

    const later = chain();
    const [idle, last] = [new Fake(), new Fake()];
    const waiting = wait([...later.watched, idle.it, last.it]);
    await expect.poll(() => [idle.pending, last.pending]).toEqual([1, 1]);
    last.look = () => {
      later.happen();
      return true;
    };
    last.resolve(true);
    expect(await waiting).toEqual([...later.watched, last]);
  });

  test('goes on when what it was woken for has been taken', async () => {
    const fake = new Fake();
    const waiting = wait([fake.it]);
    await expect.poll(() => fake.pending).toBe(1);
    fake.resolve(true);
    await expect.poll(() => [fake.looks, fake.pending]).toEqual([2, 1]);
    fake.look = () => true;
    fake.resolve(true);
    expect(await waiting).toEqual([fake]);
  });

  test('an error of one is the error of all', async () => {
    const fakes = [new Fake(), new Fake(), new Fake()];
    const waiting = wait(fakes.map(({ it }) => it));
    await expect.poll(() => fakes.map(({ pending }) => pending)).toEqual([1, 1, 1]);
    fakes[1]?.reject(new Error('broken'));
    await expect(waiting).rejects.toThrow('broken');
    expect(fakes.map(({ pending }) => pending)).toEqual([0, 0, 0]);
  });

  test('its time and its signal withdraw from all', async () => {
    const fake = new Fake();
    expect(await wait([fake.it], { timeout: 5 })).toEqual([]);
    expect(fake.pending).toBe(0);
    const stop = new AbortController();
    const waiting = wait([fake.it], { signal: stop.signal });
    await expect.poll(() => fake.pending).toBe(1);
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    expect(fake.pending).toBe(0);
  });
});

describe('waitSync()', () => {
  if (!native) {
    test('is refused', () => {
      expect(() => waitSync([new Fake().it])).toThrow(NotSupportedError);
    });
    return;
  }

  test('looks after arming: what happens in between is seen without a ring', () => {
    const [quiet, bell] = Pipe();
    const fakes = [new Fake(), new Fake()] as const;
    for (const fake of fakes) fake.arm = () => quiet.fileno();
    // The descriptor never rings: without a look after this the call would not come back.
    fakes[1].arm = () => {
      fakes[0].look = () => true;
      return quiet.fileno();
    };
    expect(waitSync([fakes[0].it, fakes[1].it])).toEqual([fakes[0]]);
    expect(fakes.map(({ arms, armed }) => [arms, armed])).toEqual([
      [1, 0],
      [1, 0],
    ]);
    quiet.close();
    bell.close();
  });

  test('tells of what came before that which it tells of', () => {
    const { watched, happen } = chain();
    const [quiet, bell] = Pipe();
    const idle = new Fake();
    idle.arm = () => quiet.fileno();
    happen();
    expect(waitSync([...watched, idle.it])).toEqual(watched);
    quiet.close();
    bell.close();
  });

  test('a ring is worth a look at all who share the descriptor, armed anew each time', async () => {
    const [doorbell, ringing] = Pipe();
    await ringing.send('ring');
    const fakes = Array.from({ length: 2000 }, () => new Fake());
    for (const fake of fakes) fake.arm = () => doorbell.fileno();
    const last = fakes.at(-1) as Fake;
    last.look = (looks) => looks === 4;
    expect(waitSync(fakes.map(({ it }) => it))).toEqual([last]);
    expect([last.looks, last.arms, last.armed]).toEqual([4, 4, 0]);
    doorbell.close();
    ringing.close();
  });

  test('disarms when a look fails, and when the system refuses to poll', () => {
    const fakes = [new Fake(), new Fake()] as const;
    for (const fake of fakes) fake.arm = () => 44_977_608;
    expect(() => waitSync([fakes[0].it, fakes[1].it], { timeout: 1 })).toThrow(
      expect.objectContaining({ name: 'SystemError', code: 'EBADF', syscall: 'poll' }),
    );
    fakes[1].look = () => {
      throw new Error('closed');
    };
    expect(() => waitSync([fakes[0].it, fakes[1].it])).toThrow('closed');
    expect(fakes.map(({ armed }) => armed)).toEqual([0, 0]);
  });
});
