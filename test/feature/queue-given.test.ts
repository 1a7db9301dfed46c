// Which forked process is a party to which queue. Every wait for an end here is for ever if there is one too many.
import { test } from 'vitest';
import { check } from '../fixtures/queues/programs.js';
import { describeEach } from '../support/start-methods.js';

describeEach('A queue that was an argument', (testCase) => {
  test('ends although a process lives that was not given it', async () => {
    await check(
      testCase,
      `const queue = new Queue();
      const [to, consumer] = await startWithLine(w.getUntilEnd, { list: [new Map([['queue', queue]])] });
      // Forked after that, it has inherited the queue.
      const [line, bystander] = await startWithLine(w.waitForLine);
      await queue.put('one');
      queue.close();
      assert.deepEqual(await to.recv(), ['one', 'ERR_MP_QUEUE_CLOSED']);
      assert.equal(await consumer.join(), 0);
      assert.equal(bystander.isAlive(), true);
      await line.send('end');
      assert.equal(await bystander.join(), 0);`,
    );
  });
});

describeEach('A child that is killed before it has come to open its arguments', (testCase) => {
  test('keeps no queue from its end', async () => {
    await check(
      testCase,
      `const queues = [new Queue(), new JoinableQueue()];
      const child = await start(w.stay, queues[0], { rest: queues.slice(1) }, queues);
      // For a forked one this is any moment, so it is to put nothing.
      process.kill(child.pid, 'SIGKILL');
      assert.equal(await child.join(), -9);
      for (const queue of queues) {
        queue.close();
        await assert.rejects(queue.get(), closed);
      }`,
    );
  });
});

describeEach('A child that is killed', (testCase) => {
  test('with queues and ends of pipes in items that wait for room keeps none of them from its end', async () => {
    await check(
      testCase,
      `const narrow = new Queue(1), queues = [new Queue(), new JoinableQueue()];
      const [here, there] = Pipe();
      const [line, child] = await startWithLine(w.putIntoFull, narrow, queues[0], [there, queues]);
      assert.equal(await line.recv(), 'waiting');
      there.close();
      await killed(child);
      for (const queue of queues) {
        queue.close();
        await assert.rejects(queue.get(), closed);
      }
      await assert.rejects(here.recv(), { code: 'ERR_MP_END_OF_FILE' });
      assert.equal(await narrow.get(), 'full');
      await assert.rejects(narrow.get({ timeout: 1 }), empty);`,
    );
  });

  test('with a queue in an item that it was to finish gives both back', async () => {
    await check(
      testCase,
      `const jobs = new JoinableQueue(), results = new Queue();
      const answers = new Queue();
      await jobs.put(answers);
      await answers.put('answer');
      const [line, child] = await startWithLine(w.getAndStay, jobs);
      assert.ok((await line.recv()) instanceof Queue);
      await killed(child);
      assert.equal(await (await jobs.get()).get(), 'answer');
      jobs.taskDone();
      await jobs.join();`,
    );
  });
});

describeEach(
  'A child that is killed before it has come to open its arguments',
  (testCase) => {
    test('keeps no memory of theirs', async () => {
      await check(
        testCase,
        `const taken = () => {
          const status = fs.readFileSync('/proc/self/status', 'utf8');
          return Number(/RssShmem:\\s+(\\d+)/.exec(status)[1]);
        };
        let collected = 0, made = 0;
        const seen = new FinalizationRegistry(() => { collected += 1; });
        const round = async () => {
          const objects = [];
          for (const _ of range(100)) objects.push(new Queue(), new Lock(), new Condition(), new BoundedSemaphore(), new Barrier(2), new Event());
          for (const object of objects) seen.register(object);
          made += objects.length;
          const child = await start(w.putAll, objects);
          await killed(child);
        };
        await round();
        await settle(() => collected === made);
        const before = taken();
        for (const _ of range(3)) {
          await round();
          await settle(() => collected === made);
        }
        // Three rounds are 5 MiB of queues alone.
        assert.ok(taken() - before < 2048, String(taken() - before));`,
      );
    });

    test('has a queue that was given twice, as one, and its side of it is one', async () => {
      await check(
        testCase,
        `const queue = new Queue(), lock = new Lock();
        const [line, child] = await startWithLine(w.sameQueue, queue, lock, { queue, lock });
        queue.close();
        assert.equal(await line.recv(), true);
        assert.deepEqual(await drain(queue), ['first', 'second']);
        assert.equal(await child.join(), 0);`,
      );
    });
  },
  ({ method, backend }) => method === 'spawn' && backend === 'native',
);

describeEach(
  'A queue that was an argument',
  (testCase) => {
    test('is there for another process whose function captures it', async () => {
      await check(
        testCase,
        `const queue = new Queue(2), results = new Queue();
        const consumer = await start(w.consume, queue, results);
        const [line, child] = await startWithLine(async (line) => {
          await queue.put('captured');
          await line.send(queue.closed);
          await line.recv();
          await queue.putMany(['still', 'there']);
        });
        assert.equal(await line.recv(), false);
        queue.close();
        await line.send('go on');
        assert.deepEqual(await results.get(), ['captured', 'still', 'there']);
        for (const process of [child, consumer]) assert.equal(await process.join(), 0);`,
      );
    });

    test('and has come to its end is closed for a process that uses it only then', async () => {
      await check(
        testCase,
        `const queue = new Queue(), unread = new Queue(), results = new Queue();
        const consumer = await start(w.consume, queue, results);
        const other = await start(w.closeAndEnd, unread);
        assert.equal(await other.join(), 0);
        const [line, child] = await startWithLine(async (line) => {
          await line.recv();
          await assert.rejects(queue.put('too late'), closed);
          await assert.rejects(queue.get(), closed);
          assert.equal(queue.closed, true);
          // What is still to be got is no end.
          await unread.put('second');
          await line.send(await unread.getMany(2));
        });
        await unread.put('first');
        unread.close();
        queue.close();
        assert.deepEqual(await results.get(), []);
        await line.send('now');
        assert.deepEqual(await line.recv(), ['first', 'second']);
        for (const process of [child, consumer]) assert.equal(await process.join(), 0);
        await assert.rejects(unread.get(), closed);`,
      );
    });

    test('is given on by a process that was not given it, or sent to one', async () => {
      await check(
        testCase,
        `const queue = new Queue(), other = new Queue(), results = new Queue();
        const consumer = await start(w.consume, queue, results);
        const [line, child] = await startWithLine(async (line) => {
          const grandchild = await start(w.putOnLine, line, queue, 'from the grandchild');
          assert.equal(await grandchild.join(), 0);
          const [sent] = await line.recv();
          await sent.put('sent');
          await line.send('put');
        });
        assert.equal(await line.recv(), 'waits');
        await line.send('go');
        assert.equal(await line.recv(), 'put');
        const p = await start(w.putAll, other, 'given');
        assert.equal(await p.join(), 0);
        await line.send([queue]);
        assert.equal(await line.recv(), 'put');
        queue.close();
        assert.deepEqual(await results.get(), ['from the grandchild', 'sent']);
        for (const process of [child, consumer]) assert.equal(await process.join(), 0);
        assert.deepEqual(await other.getMany(2), ['given']);`,
      );
    });
  },
  ({ method }) => method === 'fork',
);
