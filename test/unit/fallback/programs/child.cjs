// A child that does what its parent tells it over the control channel: one word per message, handles beside it.
const { writeFileSync } = require('node:fs');
const { execFileSync } = require('node:child_process');
const { createFallbackBackend } = require('../../../../dist/backend/fallback/index.js');

const backend = createFallbackBackend();
const { control } = backend.attachChild();
const BOTH = { readable: true, writable: true };
const say = (text, channel = control) =>
  channel.send({ bytes: Buffer.from(text), handles: [] }, {});
const open = (handle) => backend.channelFromTransfer(handle, BOTH);

const orders = {
  echo: (rest) => say(rest),
  exit: (code) => process.exit(Number(code)),
  /** Sends so many, and is killed in the very turn in which the last one has been sent. */
  async burst(count, [handle]) {
    const channel = open(handle);
    for (let number = 0; number < Number(count); number += 1) await say(String(number), channel);
    process.kill(process.pid, 'SIGKILL');
  },
  async receive(_, [handle]) {
    const channel = open(handle);
    for (;;) {
      const { bytes } = await channel.recv({});
      await say(`${bytes.length} ${bytes[bytes.length - 1]}`);
    }
  },
  async send(size, [handle]) {
    await open(handle).send({ bytes: Buffer.alloc(Number(size), 7), handles: [] }, {});
  },
  look() {
    let seen = 0;
    process.on('message', () => (seen += 1));
    const marker = (env) => Object.keys(env).filter((name) => /NODE_MULTI|CHANNEL/.test(name));
    const script = 'console.log(JSON.stringify(process.env))';
    const inherited = JSON.parse(
      execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' }),
    );
    const found = {
      send: typeof process.send,
      own: marker(process.env),
      theirs: marker(inherited),
    };
    setTimeout(() => void say(JSON.stringify({ ...found, seen })), 50);
  },
  peer: async (pid) => {
    const peer = backend.peer(Number(pid));
    await say(`${peer.isAlive()} ${await peer.wait({ timeout: 10 })} ${backend.peer(1).isAlive()}`);
  },
  /** Starts a child of its own, and hands it on the ends that came. */
  async nest(order, handles) {
    const stdio = { stdout: 'inherit', stderr: 'inherit' };
    const below = await backend.spawn({ entry: __filename, execArgv: [], ...stdio });
    await below.control.send({ bytes: Buffer.from(order), handles }, {});
    await say(String(below.child.pid));
    // Keeps this process here while the one below works. That one may be killed, which ends the stream.
    await below.control.recv({}).catch((error) => {
      if (error.code !== 'ERR_MP_END_OF_FILE') throw error;
    });
  },
  /** Waits for the end of its parent, then writes what became of everything. */
  async survive(file) {
    const outcomes = [];
    await say('ready');
    await backend.peer(process.ppid).wait({});
    await control.recv({}).catch((error) => outcomes.push(error.name));
    await say('anybody?').catch((error) => outcomes.push(error.name));
    const [left, right] = backend.channelPair(true);
    const below = await backend.spawn({
      entry: __filename,
      execArgv: [],
      stdout: 'inherit',
      stderr: 'inherit',
    });
    await below.control.send({ bytes: Buffer.from('burst 3'), handles: [right.toTransfer()] }, {});
    right.close();
    for (;;) {
      const got = await left.recv({}).catch((error) => error);
      outcomes.push(got.bytes ? Buffer.from(got.bytes).toString() : got.name);
      if (!got.bytes) break;
    }
    writeFileSync(file, outcomes.join(' '));
    process.exit(0);
  },
  /** Does not come back to its event loop for so long. What it writes then shows that it came to its end. */
  async spin(rest) {
    const [ms, file] = rest.split(' ');
    await say('spinning');
    for (const end = Date.now() + Number(ms); Date.now() < end;);
    if (file !== undefined) writeFileSync(file, 'came to its end');
    process.exit(0);
  },
  /** Where preload.cjs was loaded. */
  async guarded() {
    await globalThis.guardIsUp;
    await say('guarded');
  },
  stay: () => setInterval(() => {}, 1000),
  async stop() {
    control.close();
  },
};

(async () => {
  for (;;) {
    const { bytes, handles } = await control.recv({});
    const [word, ...rest] = Buffer.from(bytes).toString().split(' ');
    void orders[word](rest.join(' '), handles);
    if (word === 'stop') return;
  }
})().catch((error) => {
  if (error.code !== 'ERR_MP_END_OF_FILE' && error.code !== 'ERR_MP_CLOSED') throw error;
});
