// Asks for a page again and again over kept connections until told to stop, and counts.
'use strict';
const http = require('node:http');

const url = process.argv[2];
const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
const counts = { answered: 0, failed: 0 };
let running = true;

const ask = () =>
  new Promise((resolve) => {
    const request = http.get(url, { agent, timeout: 30_000 }, (response) => {
      response.resume().once('end', resolve);
      if (response.statusCode === 200) counts.answered++;
      else counts.failed++;
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => {
      counts.failed++;
      resolve();
    });
  });

async function lane() {
  while (running) {
    await ask();
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

process.send('ready');
const lanes = [lane(), lane(), lane()];
process.once('message', async () => {
  running = false;
  await Promise.all(lanes);
  agent.destroy();
  process.send(counts, () => process.disconnect());
});
