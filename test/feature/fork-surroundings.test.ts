// What a forked child's parent runs in: a terminal, a cluster, a Node whose inside is another.
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { runProgram } from '../support/clean-node.js';
import { cases, describeEach } from '../support/start-methods.js';
import { check, fixture } from '../fixtures/process/programs.js';

/** Runs the same program once more on a terminal of its own, and prints what came out there. */
const onTerminal = (body: string): string => `
  const pty = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))';
  if (!process.stdout.isTTY) {
    const { status, stdout, stderr } = require('node:child_process').spawnSync(
      'python3', ['-c', pty, process.execPath, ...process.execArgv, __filename], { encoding: 'utf8' });
    process.stdout.write(stdout);
    process.stderr.write(stderr);
    process.exit(status);
  }
  ${body}`;

describeEach(
  'On a terminal',
  (testCase) => {
    test('what children and tasks print is there, also beside a readline of the parent', async () => {
      const printed = await check(
        testCase,
        onTerminal(`
          const { stdin: input, stdout: output } = process;
          const lines = require('node:readline').createInterface({ input, output, prompt: '> ' });
          lines.prompt();
          const p = new Process({ target: t.print, args: ['from a child\\n', 'its complaint\\n'] });
          await p.start();
          assert.equal(await p.join(), 0);
          const pool = new mp.Pool(1);
          await pool.apply(t.print, ['from a task\\n']);
          pool.close();
          await pool.join();
          lines.close();`),
      );
      for (const text of ['> ', 'from a child', 'its complaint', 'from a task']) {
        expect(printed).toContain(text);
      }
    });

    test('its modes are those of the parent, whatever signal a child or a worker ends of', async () => {
      const printed = await check(
        testCase,
        onTerminal(`
          process.stdin.setRawMode(true);
          const modes = () => require('node:child_process').execSync('stty -a < /dev/tty').toString();
          const before = modes();
          for (const [end, code] of [['terminate', -15], ['interrupt', -2]]) {
            const p = new Process({ target: t.sleepFor, args: [100_000] });
            await p.start();
            p[end]();
            assert.equal(await p.join(), code);
            assert.equal(modes(), before);
          }
          const pool = new mp.Pool(1);
          await pool.apply(t.print, ['from a task']);
          pool.terminate();
          await pool.join();
          assert.equal(modes(), before);
          process.stdin.setRawMode(false);`),
      );
      expect(printed).toContain('from a task');
    });
  },
  () => process.platform !== 'win32',
);

describeEach(
  'In a cluster',
  (testCase) => {
    test('a child of a worker listens by itself', async () => {
      const printed = await check(
        testCase,
        `
        const cluster = require('node:cluster');
        const http = require('node:http');
        if (cluster.isPrimary) {
          cluster.fork();
          const [, code] = await require('node:events').once(cluster, 'exit');
          assert.equal(code, 0);
          return;
        }
        const p = new Process({
          target: async () => {
            assert(cluster.isPrimary && !cluster.isWorker);
            const server = http.createServer((_, response) => response.end('served')).listen(0);
            await require('node:events').once(server, 'listening');
            const answer = await fetch('http://127.0.0.1:' + server.address().port);
            console.log(await answer.text());
            server.closeAllConnections();
            server.close();
          },
        });
        await p.start();
        assert.equal(await p.join(), 0);
        assert(cluster.isWorker);
        process.exit(0);`,
      );
      expect(printed).toBe('served\n');
    });
  },
  ({ method }) => method === 'fork',
);

/** What is typed, each in a REPL of its own, whose global `domain` is the module of that name. */
const TYPED = {
  'a process': `const p = new mp.Process({ target: t.nothing }); await p.start(); assert.equal(await p.join(), 0);`,
  'a pool': `const pool = new mp.Pool(1); await pool.apply(t.nothing); pool.close(); await pool.join();`,
  'a lock that is waited for': `const lock = new mp.Lock(); await lock.acquire(); const second = lock.acquire(); lock.release(); await second;`,
};

describeEach('In a REPL', (testCase) => {
  test.each(Object.entries(TYPED))('%s works', async (_, typed) => {
    const printed = await check(
      testCase,
      `const lines = [
        "mp = require('node-multiprocessing'); mp.setStartMethod(" + JSON.stringify(method) + "); 0",
        't = require(' + JSON.stringify(require.resolve(${JSON.stringify(fixture('targets.cjs'))})) + '); 0',
        '(async () => {' + ${JSON.stringify(typed)} + '})().then(() => console.log("it" + " works"), console.error).then(() => process.exit()); 0',
      ];
      const repl = require('node:child_process').spawn(process.execPath, ['-i'], {
        cwd: __dirname, stdio: ['pipe', 'inherit', 'inherit'] });
      repl.stdin.on('error', () => {}).write(lines.join('\\n') + '\\n');
      const [ended] = await require('node:events').once(repl, 'exit');
      assert.equal(ended, 0);
      repl.stdin.destroy();`,
    );
    expect(printed).toContain('it works');
  });
});

describeEach('Under NODE_V8_COVERAGE', (testCase) => {
  test('what ran in children and tasks is there', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'coverage-'));
    try {
      await check(
        testCase,
        `const p = new Process({ target: t.nothing });
        await p.start();
        await p.join();
        const pool = new mp.Pool(1);
        await pool.apply(t.busy, [1]);
        pool.close();
        await pool.join();`,
        { env: { NODE_V8_COVERAGE: folder } },
      );
      const ran = readdirSync(folder).flatMap((file) => calledIn(path.join(folder, file)));
      expect(ran).toEqual(expect.arrayContaining(['exports.nothing', 'exports.busy']));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

interface Coverage {
  result: { url: string; functions: { functionName: string; ranges: { count: number }[] }[] }[];
}

/** The functions of the targets that one process has called. */
function calledIn(file: string): string[] {
  const { result } = JSON.parse(readFileSync(file, 'utf8')) as Coverage;
  const targets = result.find(({ url }) => url.endsWith('/targets.cjs'));
  const called = targets?.functions.filter(({ ranges }) => ranges[0]!.count > 0) ?? [];
  return called.map(({ functionName }) => functionName);
}

/** The program checks by itself, and says at its end that all was as it should be. */
async function holds(program: string): Promise<void> {
  const { code, stdout, stderr } = await runProgram(program);
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'as it should be\n', stderr: '' });
}

/** As tools that trace a program do, before it loads anything. */
const WRAPPED = `
const fs = require('node:fs');
const crypto = require('node:crypto');
const wrap = (owner, ...names) => {
  for (const name of names) {
    const original = owner[name];
    owner[name] = Object.assign(function (...args) { return original.apply(this, args); }, original);
  }
};
wrap(globalThis, 'setTimeout', 'clearTimeout', 'setInterval', 'setImmediate', 'clearImmediate');
wrap(crypto, 'randomInt', 'randomBytes', 'randomFill', 'randomFillSync', 'randomUUID');
wrap(fs, 'watchFile', 'unwatchFile');`;

describe('In a program of which something has wrapped functions of Node', () => {
  test.runIf(cases.some(({ method }) => method === 'fork'))(
    'fork is the default, and a child has no timer, watcher or random number of its parent',
    async () => {
      await holds(`${WRAPPED}
        const assert = require('node:assert/strict');
        const { Pipe, Process, getStartMethod } = require('node-multiprocessing');
        assert.equal(getStartMethod(), 'fork');
        const draw = () => crypto.randomInt(2 ** 48 - 1);
        const file = __filename + '.watched';
        fs.writeFileSync(file, '');
        const watch = () => new Promise((resolve) => fs.watchFile(file, { interval: 5 }, resolve));
        (async () => {
          const owner = process.pid;
          draw();
          void watch();
          const interval = setInterval(() => assert.equal(process.pid, owner, 'a timer of the parent'), 1);
          const [receiver, sender] = Pipe({ duplex: false });
          const target = async () => {
            const seen = watch();
            // The first look at the file is not told: it is written to until the watcher has seen it.
            for (let told = false; !told; ) {
              fs.appendFileSync(file, 'x');
              told = await Promise.race([seen.then(() => true), new Promise((resolve) => setTimeout(resolve, 20))]);
            }
            fs.unwatchFile(file);
            await sender.send(draw());
          };
          const child = new Process({ target, args: [sender] });
          await child.start();
          assert.notEqual(await receiver.recv(), draw());
          assert.equal(await child.join(), 0);
          clearInterval(interval);
          fs.unwatchFile(file);
          fs.unlinkSync(file);
          console.log('as it should be');
        })();
      `);
    },
  );
});

describe('In a Node that keeps its timers where nobody finds them', () => {
  test.runIf(cases.some(({ method }) => method === 'fork'))(
    'spawn is the default, and fork says why not',
    async () => {
      await holds(`
        const assert = require('node:assert/strict');
        const inspector = require('node:inspector');
        const { post } = inspector.Session.prototype;
        inspector.Session.prototype.post = function (method, params, answer) {
          return post.call(this, method, params, (error, result) => {
            const hidden = (result?.result ?? []).filter?.(({ name }) => name !== 'timerListMap');
            answer(error, hidden === undefined ? result : { ...result, result: hidden });
          });
        };
        const mp = require('node-multiprocessing');
        assert.deepEqual(mp.getAllStartMethods(), ['spawn']);
        assert.equal(mp.getStartMethod(), 'spawn');
        const why = { code: 'ERR_MP_FORK_UNAVAILABLE', message: /timers or random pools/ };
        assert.throws(() => mp.fork(), why);
        assert.throws(() => mp.getContext('fork'), why);
        console.log('as it should be');
      `);
    },
  );
});

const RUNNER = path.resolve(
  import.meta.dirname,
  '..',
  'fixtures',
  'functions',
  'runner-loader.cjs',
);

/** As Jest does: the package's files run in a realm of their own, whose globals are not Node's. */
const IN_A_REALM = `
const vm = require('node:vm');
const { loaderBy, names } = require(${JSON.stringify(RUNNER)});
const ofNode = Object.getOwnPropertyNames(globalThis).filter((name) => !name.endsWith('Storage') && !vm.runInNewContext('this').hasOwnProperty(name));
const realm = vm.createContext(Object.fromEntries(ofNode.map((name) => [name, globalThis[name]])));
const load = loaderBy((filename, source) => vm.runInContext('(function (' + names + ') {' + source + '\\n})', realm, { filename }));
const mp = load(require.resolve('node-multiprocessing'));
`;

describe('In a realm of its own', () => {
  test.runIf(cases.some(({ method }) => method === 'fork'))(
    'fork is the default, and children and tasks work',
    async () => {
      await holds(`${IN_A_REALM}
        const assert = require('node:assert/strict');
        assert.equal(mp.getStartMethod(), 'fork');
        const owner = process.pid;
        const leak = setInterval(() => assert.equal(process.pid, owner, 'a timer of the parent'), 1);
        (async () => {
          const child = new mp.Process({ target: () => new Promise((resolve) => setTimeout(resolve, 20)) });
          await child.start();
          assert.equal(await child.join(), 0);
          const pool = new mp.Pool(1);
          const factor = 3;
          assert.deepEqual([...(await pool.map((n) => n * factor, [1, 2]))], [3, 6]);
          pool.close();
          await pool.join();
          clearInterval(leak);
          console.log('as it should be');
        })();`);
    },
  );
});

describe('In a program with hooks of module.register()', () => {
  test.runIf(cases.some(({ method }) => method === 'fork'))(
    'an import() in a forked child is refused and says why, all else works',
    async () => {
      await holds(`
        const assert = require('node:assert/strict');
        const { register } = require('node:module');
        process.noDeprecation = true;
        const { Process } = require('node-multiprocessing');
        register('data:text/javascript,export const load = (url, context, next) => next(url, context);');
        (async () => {
          await import('node:zlib');
          const target = async () => {
            const refused = { code: 'ERR_MP_STATE', message: /import\\(\\) does not work.*module\\.register.*registerHooks/ };
            await assert.rejects(import('node:zlib'), refused);
            await assert.rejects(import('node:url'), refused);
            assert.equal(typeof require('node:dgram').createSocket, 'function');
          };
          const child = new Process({ target });
          await child.start();
          assert.equal(await child.join(), 0);
          await import('node:url');
          console.log('as it should be');
        })();`);
    },
  );
});

describe('While a process is on its way', () => {
  test.runIf(cases.some(({ method }) => method === 'fork'))(
    "what the program begins to use is not the child's",
    async () => {
      await holds(`
        const assert = require('node:assert/strict');
        const { Process } = require('node-multiprocessing');
        let session;
        const child = new Process({
          target: () => assert.throws(() => session.request({}), { code: 'ERR_MP_STATE' }),
        });
        const starting = child.start();
        const createConnection = () => new (require('node:stream').Duplex)({ read() {}, write() {} });
        session = require('node:http2').connect('http://127.0.0.1', { createConnection });
        starting.then(async () => {
          assert.equal(await child.join(), 0);
          console.log('as it should be');
          process.exit(0);
        });`);
    },
  );
});
