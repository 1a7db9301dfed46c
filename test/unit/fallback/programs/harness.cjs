// What the root programs of processes.test.ts begin with.
const path = require('node:path');
const { createFallbackBackend } = require('../../../../dist/backend/fallback/index.js');

const backend = createFallbackBackend();
const entry = path.join(__dirname, 'child.cjs');

exports.backend = backend;
exports.spawn = (options = {}) =>
  backend.spawn({ entry, execArgv: [], stdout: 'inherit', stderr: 'inherit', ...options });
exports.say = (channel, text, handles = []) =>
  channel.send({ bytes: Buffer.from(text), handles }, {});
exports.hear = async (channel) => Buffer.from((await channel.recv({})).bytes).toString();
exports.ended = (child) => new Promise((resolve) => child.onExit(resolve));
exports.fails = (promise) =>
  promise.then(
    () => 'nothing',
    (error) => error.code ?? error.name,
  );
