// Where fork is refused, and why (beside busy threads: fork-threads.test.ts); and the os.fork twin with its hooks.
import { describe, expect, it } from 'vitest';
import { cases } from '../support/start-methods.js';

const forking = cases.find(({ method }) => method === 'fork');
const fallback = cases.find(({ backend }) => backend === 'fallback');

/** A program that prints what it finds as JSON lines. */
const program = (body: string): string => `
const mp = require('node-multiprocessing');
const fs = require('node:fs');
const say = (value) => fs.writeSync(1, JSON.stringify(value) + '\\n');
// The end of a parent is the end of its twin.
const ended = async (pid) => { while (fs.existsSync('/proc/' + pid)) await new Promise((resolve) => setTimeout(resolve, 5)); };
const caught = (body) => { try { return body(); } catch (error) { return [error.name, error.code, error.message]; } };
(async () => { ${body} })();`;

const lines = (text: string): unknown[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line));

describe.runIf(forking)('fork() [native]', () => {
  const run: NonNullable<typeof forking>['run'] = (...args) => forking!.run(...args);

  it('in the midst of a start leaves that start to the parent', async () => {
    const { code, stdout, stderr } = await run(
      program(`
        const child = new (mp.getContext('fork').Process)({ target: () => fs.writeSync(1, JSON.stringify({ started: process.ppid }) + '\\n') });
        const starting = child.start();
        await undefined;
        const pid = mp.fork();
        if (pid === 0) {
          const error = await starting.catch((reason) => reason);
          say({ child: error.code });
          mp.exitNow(0);
        }
        await starting;
        say({ exitCode: await child.join(), parent: process.pid });
        await ended(pid);`),
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const said = lines(stdout);
    const { parent } = said.find((line) => 'parent' in (line as object)) as { parent: number };
    expect(said).toHaveLength(3);
    expect(said).toEqual(
      expect.arrayContaining([
        { child: 'ERR_MP_STATE' },
        { started: parent },
        { exitCode: 0, parent },
      ]),
    );
  });

  it('returns twice, and both sides go on with everything', async () => {
    const { code, stdout, stderr } = await run(
      program(`
        const shared = { counter: 1 };
        let ticks = 0;
        const interval = setInterval(() => ticks++, 1);
        await new Promise((resolve) => setTimeout(resolve, 10));
        const pid = mp.fork();
        if (pid === 0) {
          shared.counter += 10;
          const before = ticks;
          await new Promise((resolve) => setTimeout(resolve, 20));
          say({ child: shared.counter, pid: process.pid === Number(fs.readlinkSync('/proc/self')), ticking: ticks > before });
          clearInterval(interval);
          mp.exitNow(0);
        }
        const before = ticks;
        await ended(pid);
        say({ parent: shared.counter, child: pid > 0, ticking: ticks > before });
        clearInterval(interval);`),
    );
    expect(stderr).toBe('');
    expect(lines(stdout)).toEqual([
      { child: 11, pid: true, ticking: true },
      { parent: 1, child: true, ticking: true },
    ]);
    expect(code).toBe(0);
  });

  it('keeps a promise that waits for the pool alive on both sides', async () => {
    const { stdout } = await run(
      program(`
        const { pbkdf2 } = require('node:crypto');
        const work = require('node:util').promisify(pbkdf2)('secret', 'salt', 100_000, 32, 'sha256');
        const pid = mp.fork();
        say([pid === 0 ? 'child' : 'parent', (await work).length]);
        if (pid > 0) await ended(pid);`),
    );
    expect(lines(stdout)).toHaveLength(2);
    expect(lines(stdout)).toEqual(
      expect.arrayContaining([
        ['child', 32],
        ['parent', 32],
      ]),
    );
  });

  // A process that is left behind fails any test.
  it('ends the child with its parent, also when it is busy', async () => {
    const { code, stdout } = await run(
      program(`
        const begun = new mp.Event();
        if (mp.fork() === 0) {
          begun.set();
          for (;;);
        }
        await begun.wait();
        say('the parent leaves');`),
    );
    expect({ code, said: lines(stdout) }).toEqual({ code: 0, said: ['the parent leaves'] });
  });

  it('leaves no zombie of a child that ended', async () => {
    const { stdout } = await run(
      program(`
        const pid = mp.fork();
        if (pid === 0) mp.exitNow(3);
        await ended(pid);
        say('collected');`),
    );
    expect(lines(stdout)).toEqual(['collected']);
  });

  it("runs the hooks in Python's order: before in reverse, after in order", async () => {
    const { stdout } = await run(
      program(`
        const log = [];
        for (const name of ['a', 'b']) {
          mp.registerAtFork({
            before: () => log.push('before ' + name),
            afterInParent: () => log.push('parent ' + name),
            afterInChild: () => log.push('child ' + name),
          });
        }
        const undo = mp.registerAtFork({ before: () => log.push('undone') });
        undo();
        const child = new mp.Process({ target: () => say(log) });
        await child.start();
        await child.join();
        say(log);`),
    );
    const [inChild, inParent] = lines(stdout) as string[][];
    // An attempt that found the pool busy comes first.
    expect(inChild!.join()).toMatch(
      /^(before b,before a,parent a,parent b,)*before b,before a,child a,child b$/,
    );
    expect(inParent!.join()).toMatch(/^(before b,before a,parent a,parent b,?)+$/);
  });

  it('does not fork when a before hook throws, and undoes the hooks that ran', async () => {
    const { stdout } = await run(
      program(`
        const log = [];
        mp.registerAtFork({ before: () => { throw new Error('not now'); } });
        mp.registerAtFork({ before: () => log.push('before'), afterInParent: () => log.push('undone') });
        say(caught(() => mp.fork()));
        const child = new mp.Process({ target: () => {} });
        say(await child.start().catch((error) => error.message));
        say(log);`),
    );
    expect(lines(stdout)).toEqual([
      ['Error', null, 'not now'],
      'not now',
      ['before', 'undone', 'before', 'undone'],
    ]);
  });

  it('ends the child with code 1 when a hook throws there', async () => {
    const { stdout, stderr } = await run(
      program(`
        mp.registerAtFork({ afterInChild: () => { throw new Error('broken hook'); } });
        const child = new mp.Process({ target: () => say('ran') });
        await child.start();
        say(await child.join());`),
    );
    expect(lines(stdout)).toEqual([1]);
    expect(stderr).toContain('broken hook');
  });

  it('refuses in a worker_thread, and names the way out', async () => {
    const { stdout } = await run(
      program(`
        const { Worker } = require('node:worker_threads');
        const worker = new Worker(\`
          const mp = require(\${JSON.stringify(require.resolve('node-multiprocessing'))});
          try { mp.fork(); } catch (error) { require('node:worker_threads').parentPort.postMessage([error.code, error.message]); }
        \`, { eval: true });
        worker.once('message', say);`),
    );
    expect(lines(stdout)).toEqual([
      [
        'ERR_MP_FORK_UNAVAILABLE',
        expect.stringMatching(/only the main thread can fork.*use the spawn start method/),
      ],
    ]);
  });

  it('refuses with an inspector attached, and works again when it is gone', async () => {
    const { stdout } = await run(
      program(`
        const inspector = require('node:inspector');
        inspector.open(0, '127.0.0.1');
        say(caught(() => mp.fork())[1]);
        inspector.close();
        const pid = mp.fork();
        if (pid === 0) mp.exitNow(0);
        say(pid > 0);`),
    );
    expect(lines(stdout)).toEqual(['ERR_MP_FORK_UNAVAILABLE', true]);
  });

  it('refuses with io_uring switched on', async () => {
    const { stdout } = await run(program(`say(caught(() => mp.fork()));`), {
      env: { UV_USE_IO_URING: '1' },
    });
    expect(lines(stdout)).toEqual([
      [
        'ForkUnavailableError',
        'ERR_MP_FORK_UNAVAILABLE',
        expect.stringContaining('UV_USE_IO_URING'),
      ],
    ]);
  });

  const inRuntime = (name: string): string => `
    Object.defineProperty(process.versions, '${name}', { value: '1.0.0', enumerable: true });
    ${program(`
      say(caught(() => mp.fork()));
      say(caught(() => mp.setStartMethod('fork')));
      say(mp.getAllStartMethods());`)}`;

  it('refuses in electron, where spawn is the default', async () => {
    const { stdout } = await run(inRuntime('electron'));
    const refused = [
      'ForkUnavailableError',
      'ERR_MP_FORK_UNAVAILABLE',
      expect.stringMatching(/this is electron, .*use .*spawn/),
    ];
    expect(lines(stdout)).toEqual([refused, refused, ['spawn']]);
  });

  it.each([
    [
      'bun',
      /^fork is not available here: this is bun, and the mechanism knows Node's threads only$/,
    ],
    // The addon would crash it.
    ['deno', /^fork is not available here: .*the addon was not loaded: .*Deno/],
  ])('refuses in %s, where nothing can be spawned either', async (name, why) => {
    const { stdout } = await run(inRuntime(name), { env: { MULTIPROCESSING_BACKEND: '' } });
    const refused = (message: RegExp): unknown[] => [
      'ForkUnavailableError',
      'ERR_MP_FORK_UNAVAILABLE',
      expect.stringMatching(message),
    ];
    const nor = new RegExp(`; nor can 'spawn': this is ${name}`);
    expect(lines(stdout)).toEqual([refused(why), refused(nor), []]);
  });

  it('works with --v8-pool-size=0', async () => {
    const { stdout } = await run(
      program(`
        const child = new mp.Process({ target: () => { let all = []; for (let i = 0; i < 5e5; i++) all.push({ i }); } });
        await child.start();
        say(await child.join());`),
      { nodeArgs: ['--v8-pool-size=0'] },
    );
    expect(lines(stdout)).toEqual([0]);
  });

  it('forks beside worker_threads that compile all the time, into children that compile too', async () => {
    const { stdout } = await run(
      program(`
        const { Worker } = require('node:worker_threads');
        const { once } = require('node:events');
        const busy = \`let n = 0;
          const tick = () => {
            const compiled = new Function('a', 'let s = 0; for (let i = 0; i < 3000; i++) s += a * i; return s + ' + n++);
            for (let i = 0; i < 30; i++) compiled(i);
            setTimeout(tick, 1);
          };
          tick();\`;
        const workers = [new Worker(busy, { eval: true }), new Worker(busy, { eval: true })];
        await Promise.all(workers.map((worker) => once(worker, 'online')));
        const work = () => {
          for (let k = 0; k < 5; k++) {
            const compiled = new Function('a', 'let s = 0; for (let i = 0; i < 20000; i++) s += a * i; return s');
            for (let i = 0; i < 50; i++) compiled(i);
          }
        };
        const codes = new Set();
        for (let i = 0; i < 20; i++) {
          const child = new mp.Process({ target: work });
          await child.start();
          codes.add(await child.join());
        }
        say([...codes]);
        for (const worker of workers) await worker.terminate();`),
    );
    expect(lines(stdout)).toEqual([[0]]);
  });

  it('forks from the children of children', async () => {
    const { stdout } = await run(
      program(`
        const down = async (depth) => {
          if (depth === 0) return say('bottom');
          const child = new mp.Process({ target: down, args: [depth - 1] });
          await child.start();
          if ((await child.join()) !== 0) throw new Error('at depth ' + depth);
        };
        await down(5);`),
    );
    expect(lines(stdout)).toEqual(['bottom']);
  });

  it("does not share libuv's signal lock with the child", async () => {
    const { stdout } = await run(
      program(`
        const pipes = () => fs.readdirSync('/proc/self/fd').flatMap((fd) => {
          try {
            const link = fs.readlinkSync('/proc/self/fd/' + fd);
            const flags = parseInt(/flags:\\s*(\\d+)/.exec(fs.readFileSync('/proc/self/fdinfo/' + fd, 'utf8'))[1], 8);
            return fd > 2 && link.startsWith('pipe:') && (flags & 0o4000) === 0 && (flags & 0o2000000) !== 0 ? [fd + link] : [];
          } catch { return []; }
        });
        const mine = pipes();
        const child = new mp.Process({ target: () => say(pipes().filter((pipe) => mine.slice(0, 2).includes(pipe))) });
        await child.start();
        await child.join();`),
    );
    expect(lines(stdout)).toEqual([[]]);
  });
});

describe.runIf(fallback)('fork() [fallback]', () => {
  it('is refused with the reason', async () => {
    const { stdout } = await fallback!.run(program(`say(caught(() => mp.fork()));`));
    expect(lines(stdout)).toEqual([
      [
        'ForkUnavailableError',
        'ERR_MP_FORK_UNAVAILABLE',
        expect.stringContaining('use the spawn start method'),
      ],
    ]);
  });
});
