import { expect, test } from 'vitest';
import { program } from '../fixtures/pool/program.js';
import { describeEach, when } from '../support/start-methods.js';

describeEach('every error class', (testCase) => {
  const report = program(testCase, 'every-error');

  test('keeps its class and its fields, thrown by a task, returned and in an item', async () => {
    const { classes, failures, stderr } = await report();
    expect(classes).toEqual(expect.arrayContaining(['ProcessError', 'WorkerDiedError']));
    expect({ failures, stderr }).toEqual({ failures: {}, stderr: '' });
  });
});

describeEach('errors of tasks', (testCase) => {
  const report = program(testCase, 'errors');
  const forked = testCase.method === 'fork';

  test('arrive with class, message, code, own properties, cause and the stack from over there', async () => {
    const { 'built-in': builtIn, ours, own, string, async: later } = await report();
    expect(builtIn.error).toMatchObject({
      kind: 'RangeError',
      message: 'out of it',
      code: 'E_MINE',
      extra: [1],
      cause: { kind: 'TypeError', message: 'the cause' },
      remoteStack: expect.stringMatching(/failWith .*tasks\.mjs/),
    });
    expect(ours.error).toMatchObject({ kind: 'WorkerDiedError', pid: 1, exitCode: 2 });
    expect(own.error).toMatchObject({
      kind: 'RemoteError',
      name: 'OwnError',
      message: 'not known here',
    });
    expect(string.error).toBe('just a string');
    expect(later.error).toMatchObject({ kind: 'Error', message: 'later' });
  });

  test('fail a map as a whole, and in an iteration their own element', async () => {
    const { map, imap } = await report();
    expect(map.error).toMatchObject({ kind: 'RangeError', message: 'no 3' });
    expect(imap).toMatchObject([
      { value: { value: 1 } },
      { value: { value: 2 } },
      { error: { message: 'no 3' } },
      { value: { value: 4 } },
      { value: { done: true } },
    ]);
  });

  test('what cannot travel fails its own task, says where it is, and costs no worker', async () => {
    const { badArgument, badItem, badResult, badResults, badError, poolAsArgument, noWorkerLost } =
      await report();
    expect(badArgument.error).toMatchObject({
      kind: 'SerializationError',
      path: 'args[0].deep[0]',
    });
    expect(badItem.error).toMatchObject({ kind: 'SerializationError', path: 'items[1]' });
    expect(badResult.error).toMatchObject({
      kind: 'SerializationError',
      path: 'result',
      message: expect.stringMatching(/^badResult returned \[Function.*result cannot be sent/),
    });
    expect(badResults).toMatchObject([
      { value: { value: 1 } },
      { error: { kind: 'SerializationError' } },
      { value: { value: 3 } },
    ]);
    expect(badError.error).toMatchObject({ kind: 'Error', message: 'odd' });
    expect(poolAsArgument.error.message).toMatch(
      /args\[0\].*a pool belongs to the process that made it/,
    );
    // A forked worker is replaced for a function that it was not born with, which is another matter.
    if (!forked) expect(noWorkerLost).toBe(true);
  });

  test('what cannot travel is named by its place among all items, not in its chunk', async () => {
    const paths = ['[...items[4].f][0]', '[...items[4][0].f][0]'];
    const named = (path: string) => ({
      error: { path, message: expect.stringMatching(/items\[4\].* cannot be sent/) },
    });
    const [item = '', argument = ''] = paths;
    // In an iteration all items of the chunk fail: it was never sent.
    const expected = [item, argument, item, item, argument].map(named);
    expect((await report()).badItems).toMatchObject(expected);
  });

  test('a function whose name is no text runs as any other', async () => {
    expect((await report()).oddlyNamed).toMatchObject([
      { value: [2, 3] },
      { error: { kind: 'SerializationError', message: expect.stringMatching(/^a task returned/) } },
      { error: { kind: 'TypeError', message: expect.stringMatching(/got a function$/) } },
    ]);
  });

  test('what only one side can decode fails its own task as well', async () => {
    const { undecodableArgument, undecodableResult, afterwards } = await report();
    const unknown = (tag: string) => ({
      error: { kind: 'SerializationError', message: expect.stringMatching(tag) },
    });
    expect(undecodableArgument).toMatchObject(unknown('guest'));
    expect(undecodableResult).toMatchObject(unknown('stranger'));
    expect(afterwards).toEqual([1, 2, 3, 4]);
  });

  when(forked)('closures run, each with what it closes over', async () => {
    const { closure, secondClosure } = await report();
    expect(closure).toEqual({ value: [3, 6] });
    expect(secondClosure).toEqual({ value: [4, 7] });
  });

  when(!forked)('a closure is refused with the way out', async () => {
    const { closure } = await report();
    expect(closure.error).toMatchObject({
      kind: 'SerializationError',
      message: expect.stringMatching(/factor.*taskRef.*export it from.*fork start method/),
    });
  });

  test('a function that needs nothing around it runs everywhere', async () => {
    expect((await report()).selfContained).toEqual({ value: [1, 4] });
  });

  test('wrong use is told at the call', async () => {
    const { wrong, closed } = await report();
    const kinds = Object.fromEntries(
      Object.entries(wrong as Record<string, { error?: { kind: string } }>).map(
        ([name, { error }]) => [name, error?.kind],
      ),
    );
    expect(kinds).toEqual({
      noFunction: 'TypeError',
      noArray: 'TypeError',
      noIterable: 'TypeError',
      chunkSize: 'RangeError',
      buffer: 'RangeError',
      timeout: 'RangeError',
      callback: 'TypeError',
      zero: 'RangeError',
      negative: 'RangeError',
      half: 'RangeError',
      text: 'TypeError',
      initializer: 'TypeError',
      initArgs: 'TypeError',
      startMethod: 'RangeError',
    });
    expect(closed.error).toMatchObject({
      kind: 'StateError',
      message: 'the pool is closed: it takes no more tasks',
    });
  });
});
