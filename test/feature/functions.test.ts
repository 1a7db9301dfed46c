// How a function is found in another process, by pools and by processes: its ways, one by one, under every start method.
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { describeEach } from '../support/start-methods.js';

const fixture = (name: string): string =>
  path.resolve(import.meta.dirname, '..', 'fixtures', 'functions', name);

const waysOut =
  'name it with taskRef if a module exports it, or export it from the module it is written in, pass the values as arguments, or use the fork start method';
const refused = (what: string): string => `SerializationError: ${what}: ${waysOut}`;
const uses = (who: string, name: string): string =>
  refused(
    `fn ${who} uses the variable ${name} of its enclosing scope, which a spawned process does not have`,
  );
const nameless = '(a function without a name)';

interface Everything {
  calls: Record<string, unknown>;
  refusals: Record<string, string>;
  manyBound: number[];
  process: unknown[];
}

describeEach('functions', (testCase) => {
  const forked = testCase.method === 'fork';
  let running: Promise<Everything> | undefined;
  const everything = (): Promise<Everything> => (running ??= runEverything());

  async function runEverything(): Promise<Everything> {
    const result = await testCase.run({ file: fixture('everything.mjs') });
    expect(result).toMatchObject({ code: 0, stderr: '' });
    return JSON.parse(result.stdout) as Everything;
  }

  test('of the main module, which sees in a child that it is not the main one', async () => {
    // A forked child has loaded nothing again: import.meta.main is its parent's.
    const isMain = forked ? (expect.any(Boolean) as boolean) : false;
    expect((await everything()).calls['fromMain']).toEqual([1, true, isMain]);
  });

  test('of ES modules and CommonJS, re-exported, and of a class', async () => {
    expect((await everything()).calls).toMatchObject({
      renamed: 'inner',
      static: 16,
      commonJs: 8,
      nested: 'deep',
    });
  });

  test('that are bound bring their values along, each its own', async () => {
    const { calls, manyBound, process } = await everything();
    expect(calls).toMatchObject({
      bound: ['early', 'NaN', '-0', '5', 'undefined', [[1, 2]]],
      ownClass: [2, null],
      classAsArgument: [3, 3],
      boundText: 'xy',
      boundBuiltIn: 3,
    });
    expect(manyBound).toEqual([11, 12, 13]);
    // Encoded at the call of start(); a fork has what is there when it happens.
    const list = forked ? [1, 2] : [1];
    expect(process).toEqual([list, list, 0]);
  });

  test('of bundled code: by identity, or named by taskRef', async () => {
    expect((await everything()).calls).toMatchObject({ bundled: 42, bundledByIdentity: 42 });
  });

  test('made by another module than the one that exports it: named by taskRef', async () => {
    const { calls, refusals } = await everything();
    expect(calls['wrapped']).toBe(9);
    expect(refusals['wrapped']).toBe(forked ? 'no error' : uses(nameless, 'fn'));
  });

  test('that only exist here run after a fork, and are refused elsewhere, with the variables named', async () => {
    const { calls, refusals } = await everything();
    expect(calls['text']).toBe(2);
    const all = forked
      ? { closure: 'no error', bundledClosure: 'no error', boundClosure: 'no error' }
      : {
          closure: uses('"closure"', 'secret'),
          bundledClosure: uses(nameless, 'scope'),
          boundClosure: uses(nameless, 'secret'),
          method: refused('fn "go" uses this, which would mean something else in another process'),
          hiddenClass: expect.stringMatching(
            /^SerializationError: fn\.this "Hidden" is not exported .* export the class/,
          ) as string,
          boundFunction: expect.stringMatching(
            /^SerializationError: fn\.args\[0\] cannot be sent .* it is a function/,
          ) as string,
        };
    expect(refusals).toMatchObject(all);
  });

  test("the main module's own part does not run again, in CommonJS too", async () => {
    const { stdout, stderr } = await testCase.run({ file: fixture('main-guard.cjs') });
    const inWorker = forked ? '' : 'loaded as module\n';
    expect({ stdout, stderr }).toEqual({
      stdout: `loaded as main\n${inWorker}[2,4]\n`,
      stderr: '',
    });
  });

  test('are found where a test runner compiles each CommonJS file, without import() for them', async () => {
    const { code, stdout, stderr } = await testCase.run({ file: fixture('sandboxed.cjs') });
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '[[2,3],[2,4]]\n', stderr: '' });
  });

  test("TypeScript runs through the program's own loader, given as an option or in NODE_OPTIONS", async () => {
    const loader = pathToFileURL(fixture('ts-hooks.mjs')).href;
    for (const options of [
      { nodeArgs: ['--import', loader] },
      { env: { NODE_OPTIONS: `--import=${loader}` } },
    ]) {
      const result = await testCase.run({ file: fixture('typed.mts') }, options);
      expect(result).toMatchObject({ code: 0, stdout: '[[12,24],"5!",2]\n', stderr: '' });
    }
  });

  test("the program's own loader is found by a relative path also after process.chdir()", async () => {
    const hook = `./${path.relative('.', fixture('require-hook.cjs'))}`;
    for (const options of [
      { nodeArgs: ['-r', hook] },
      { env: { NODE_OPTIONS: `--import=${hook}` } },
    ]) {
      const result = await testCase.run({ file: fixture('moved.cjs') }, options);
      expect(result).toMatchObject({ code: 0, stdout: 'true true\ntrue true\n', stderr: '' });
    }
  });

  test('named by taskRef are required where a loader of the program serves require() alone', async () => {
    const hook = fixture('require-hook.cjs');
    for (const options of [
      { nodeArgs: ['-r', hook] },
      { env: { NODE_OPTIONS: `--require=${hook}` } },
    ]) {
      const { code, stdout, stderr } = await testCase.run({ file: fixture('hooked.cjs') }, options);
      expect([code, stderr]).toEqual([0, '']);
      expect(JSON.parse(stdout)).toEqual({
        here: 2,
        pooled: [2, 4],
        whole: 'all of it',
        child: 3,
        importing: 'ERR_UNKNOWN_FILE_EXTENSION',
      });
    }
  });
});

describeEach(
  'functions of a program that esbuild has minified with their names kept',
  (testCase) => {
    // As it writes them with --minify --keep-names: the helper is `t` in one, `e` in the other.
    const outputs: [string, boolean, string][] = [
      [
        'an ES module',
        true,
        `var c=Object.defineProperty;var t=(e,n)=>c(e,"name",{value:n,configurable:!0});import{Pool as l}from"node-multiprocessing";var a=new l({processes:1,startMethod:process.env.MP_TEST_START_METHOD});function m(e){function n(r){return r+1}t(n,"inner");let s=t(r=>r*2,"arrow");class o{static{t(this,"Foo")}static make(){return new o}get v(){return 7}}return[n(e),s(e),n.name,s.name,o.name,o.make().v]}t(m,"outer");console.log(JSON.stringify([await a.apply(m,[3]),await a.apply(e=>t(()=>e,"deep").name,[3])]));await a.terminate();`,
      ],
      [
        'CommonJS',
        false,
        `var m=Object.defineProperty;var e=(t,r)=>m(t,"name",{value:r,configurable:!0});var l=require("node-multiprocessing");(async()=>{let t=new l.Pool({processes:1,startMethod:process.env.MP_TEST_START_METHOD});function r(n){function a(s){return s+1}e(a,"inner");let c=e(s=>s*2,"arrow");class o{static{e(this,"Foo")}static make(){return new o}get v(){return 7}}return[a(n),c(n),a.name,c.name,o.name,o.make().v]}e(r,"outer"),console.log(JSON.stringify([await t.apply(r,[3]),await t.apply(n=>e(()=>n,"deep").name,[3])])),await t.terminate()})();`,
      ],
    ];
    for (const [kind, esm, text] of outputs) {
      test(`run in a pool: ${kind}`, async () => {
        const { code, stdout, stderr } = await testCase.run(text, { esm });
        expect([code, stderr]).toEqual([0, '']);
        expect(JSON.parse(stdout)).toEqual([[4, 6, 'inner', 'arrow', 'Foo', 7], 'deep']);
      });
    }
  },
);

describeEach('functions of a program that is text (--eval)', (testCase) => {
  test('are never looked for in a file: they travel as text, or are refused at the start', async () => {
    const text = `
      import { Pool, Process, setStartMethod } from 'node-multiprocessing';
      const outside = 1;
      export const alone = () => console.log('alone');
      export const closed = () => console.log('closed', outside);
      export class Job extends Process { run() { console.log('job'); } }
      setStartMethod(process.env.MP_TEST_START_METHOD);
      for (const child of [new Process({ target: alone }), new Process({ target: closed }), new Job()]) {
        try {
          await child.start();
          await child.join();
        } catch ({ name, message }) {
          console.log(name + ': ' + message);
        }
      }`;
    const { code, stdout, stderr } = await testCase.run('', {
      nodeArgs: ['--input-type=module', '--eval', text],
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const spawned = [
      uses('', 'outside').replace('fn ', 'target "closed"'),
      'SerializationError: the class of the process "Job" is in no file that another process could load: ' +
        'put it into one, or use the fork start method',
    ];
    const others = testCase.method === 'fork' ? ['closed 1', 'job'] : spawned;
    expect(stdout.trim().split('\n')).toEqual(['alone', ...others]);
  });
});

describeEach('exports of a main module that awaits at its top level, by taskRef', (testCase) => {
  const forked = testCase.method === 'fork';

  test('run in other processes, or fail at once where the module never ends; afterwards they run everywhere', async () => {
    const { code, stdout, stderr } = await testCase.run({ file: fixture('awaiting-main.mjs') });
    expect([code, stderr]).toEqual([0, '']);
    const [before, after] = stdout.split('\n', 2).map((line) => JSON.parse(line) as object);
    const sent = ['from the main module', 0];
    const refusal =
      /^StateError: the main module cannot be imported in this process, which was forked/;
    expect(before).toEqual({
      meanwhile: forked ? expect.stringMatching(refusal) : [2, 3],
      given: [2, 3],
      child: forked ? [expect.stringMatching(/^EndOfFileError: /), 1] : sent,
    });
    expect(after).toEqual({ own: 2, pooled: [2, 3], child: sent });
  });

  test('in the process itself they wait for the module, and that is told', async () => {
    const { code, stdout } = await testCase.run(
      `import { taskRef } from 'node-multiprocessing';
      export const answer = () => 42;
      setInterval(() => undefined, 1000);
      process.on('warning', ({ code }) => {
        console.log(code);
        process.exit(7);
      });
      console.log(await taskRef(import.meta.url, 'answer')());`,
      { esm: true },
    );
    expect([code, stdout]).toEqual([7, 'ERR_MP_MAIN_MODULE\n']);
  });
});
