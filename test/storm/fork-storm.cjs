// Forks under load: `node fork-storm.cjs <forks>`. The parent allocates, compiles, reads files, compresses, keeps timers and
// serves HTTP to a client that counts every request; the children use everything Node has. Counts what must not happen:
// a child that crashes or hangs, an event of the parent in a child, a request of the client that fails.
'use strict';
const assert = require('node:assert');
const child_process = require('node:child_process');
const crypto = require('node:crypto');
const events = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const timers = require('node:timers/promises');
const { promisify } = require('node:util');
const workers = require('node:worker_threads');
const zlib = require('node:zlib');
const { Process } = require('node-multiprocessing');

const FORKS = Number(process.argv[2] ?? 200);
const AT_ONCE = 3;
/** A child that has not ended by then hangs: its work takes some tens of milliseconds, on a loaded machine a second or two. */
const HANG_MS = 60_000;

const main = process.pid;
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'mp-storm-'));
const file = path.join(scratch, 'file');
fs.writeFileSync(file, crypto.randomBytes(300_000));
const leaksFile = path.join(scratch, 'leaks');
const leaks = fs.openSync(leaksFile, 'a');
/** Called by whatever belongs to the parent: in a child it is a leak. */
const parentOnly = (what) => {
  if (process.pid !== main) fs.writeSync(leaks, `${what}\n`);
};

const wasm = Buffer.from(
  '0061736d0100000001070160027f7f017f030201000707010361646400000a09010700200020016a0b',
  'hex',
);
const gzip = promisify(zlib.gzip);
const text = async (url) => (await fetch(url)).text();

// ---- the parent's load ------------------------------------------------------------------------------------------------------

let running = true;
const live = [];
const counts = { timers: 0, reads: 0, zips: 0, requests: 0, echoes: 0 };

function allocate() {
  for (let turn = 0; turn < 3000; turn++)
    live.push({ turn, text: `x${turn}`, list: [turn, { turn }] });
  if (live.length > 200_000) live.splice(0, 100_000);
}

function compile(seed) {
  const compiled = new Function(
    'a',
    'b',
    `let s = 0; for (let i = 0; i < 50; i++) s += a * i % 7 + b * ${seed}; return s;`,
  );
  for (let turn = 0; turn < 2000; turn++) compiled(turn, turn + 1);
}

function load() {
  setInterval(() => {
    parentOnly('interval');
    counts.timers++;
    allocate();
    if (counts.timers % 5 === 0) compile(counts.timers);
    setTimeout(() => parentOnly('timeout'), 1);
    setTimeout(() => parentOnly('timeout'), 40);
    setImmediate(() => parentOnly('immediate'));
    Promise.resolve().then(() => parentOnly('microtask'));
  }, 4);
  (async () => {
    while (running) {
      await fs.promises.readFile(file);
      parentOnly('fs promise');
      counts.reads++;
      await new Promise((resolve) => fs.stat(file, () => resolve(parentOnly('fs callback'))));
      await timers.setTimeout(2);
    }
  })();
  (async () => {
    while (running) {
      await gzip(Buffer.alloc(50_000, counts.zips));
      parentOnly('zlib');
      counts.zips++;
      await timers.setTimeout(3);
    }
  })();
  process.on('exit', () => parentOnly('exit handler'));
  process.on('SIGTERM', () => parentOnly('signal handler'));
}

// ---- what children do ---------------------------------------------------------------------------------------------------------

const works = [
  async () => {
    await timers.setTimeout(5);
    await timers.setImmediate();
    for (let turn = 0; turn < 30; turn++) allocate();
    compile(7);
  },
  async () => {
    assert.strictEqual((await fs.promises.readFile(file)).length, 300_000);
    assert((await gzip(Buffer.alloc(100_000))).length > 0);
    let length = 0;
    for await (const part of fs.createReadStream(file)) length += part.length;
    assert.strictEqual(length, 300_000);
  },
  async (url) => {
    assert.strictEqual(await text(url), `served by ${main}`);
    const own = http.createServer((request, response) => response.end('own'));
    await new Promise((resolve) => own.listen(0, '127.0.0.1', resolve));
    assert.strictEqual(await text(`http://127.0.0.1:${own.address().port}`), 'own');
  },
  async () => {
    const { instance } = await WebAssembly.instantiate(wasm);
    assert.strictEqual(instance.exports.add(2, 3), 5);
    await promisify(crypto.pbkdf2)('a', 'b', 100, 32, 'sha256');
  },
  async () => {
    const worker = new workers.Worker(`require('node:worker_threads').parentPort.postMessage(42)`, {
      eval: true,
    });
    assert.strictEqual((await events.once(worker, 'message'))[0], 42);
  },
  async () => {
    const { stdout } = await promisify(child_process.exec)('echo out');
    assert.strictEqual(stdout, 'out\n');
    assert.strictEqual(child_process.spawnSync('true').status, 0);
  },
  async (url) => {
    const grandchild = new Process({ target: works[(Math.random() * 4) | 0], args: [url] });
    await grandchild.start();
    assert.strictEqual(await grandchild.join(), 0);
  },
  () => {
    for (let turn = 0; turn < 20; turn++) allocate();
  },
];

// ---- the run ------------------------------------------------------------------------------------------------------------------

function describe(pid) {
  const lines = [];
  for (const task of fs.readdirSync(`/proc/${pid}/task`)) {
    const read = (name) => fs.readFileSync(`/proc/${pid}/task/${task}/${name}`, 'utf8').trim();
    lines.push(`  ${task} ${read('comm')}: ${read('wchan')} ${read('syscall')}`);
  }
  return lines.join('\n');
}

async function one(index, url, failures) {
  const child = new Process({ target: works[index % works.length], args: [url] });
  child.start().then(() => parentOnly('continuation of start()'));
  while (child.pid === undefined) await timers.setImmediate();
  const code = await child.join({ timeout: HANG_MS });
  if (code === null) {
    failures.hung.push(
      `work ${index % works.length}, process ${child.pid}\n${describe(child.pid)}`,
    );
    child.kill();
    await child.join();
  } else if (code !== 0) {
    failures.crashed.push(`work ${index % works.length}: exit code ${code}`);
  }
  child.close();
}

async function run() {
  const server = http.createServer((request, response) => {
    parentOnly('request');
    counts.requests++;
    response.end(`served by ${process.pid}`);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${server.address().port}/`;
  const echo = net.createServer((socket) => socket.pipe(socket));
  await new Promise((resolve) => echo.listen(0, '127.0.0.1', resolve));
  const socket = net.connect(echo.address().port, '127.0.0.1');
  socket.on('data', () => {
    parentOnly('socket');
    counts.echoes++;
  });
  const client = child_process.fork(path.join(__dirname, 'http-client.cjs'), [url]);
  await events.once(client, 'message');
  await text(url);
  load();

  const startedAt = performance.now();
  const failures = { hung: [], crashed: [] };
  let next = 0;
  const lanes = Array.from({ length: AT_ONCE }, async () => {
    while (next < FORKS) {
      socket.write('ping');
      await one(next++, url, failures);
    }
  });
  await Promise.all(lanes);
  const seconds = (performance.now() - startedAt) / 1000;
  running = false;

  client.send('stop');
  const [requests] = await events.once(client, 'message');
  await timers.setTimeout(100);
  const leaked = fs.readFileSync(leaksFile, 'utf8').split('\n').filter(Boolean);
  // Without its load the storm would prove little.
  const { answered } = requests;
  const idle = Object.entries({ ...counts, answered }).flatMap(([name, done]) =>
    done > 0 ? [] : [`load that did nothing: ${name}`],
  );
  const { hung, crashed } = failures;
  const bad = hung.length + crashed.length + leaked.length + requests.failed + idle.length;
  console.log(
    `${process.version}: ${FORKS} forks in ${seconds.toFixed(1)} s, ${crashed.length} crashed, ${hung.length} hung, ` +
      `${leaked.length} leaks; ${requests.answered} requests answered, ${requests.failed} failed; load ${JSON.stringify(counts)}`,
  );
  for (const line of [...hung, ...crashed, ...new Set(leaked), ...idle]) console.log(line);
  fs.rmSync(scratch, { recursive: true, force: true });
  process.exit(bad === 0 ? 0 : 1);
}

run();
