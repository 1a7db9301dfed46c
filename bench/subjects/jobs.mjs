// Real work, in pieces: what a pool is for. The same in jobs.py.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

/** Packs a file beside itself. Answers the size. */
export function gzipFile(file) {
  const packed = gzipSync(readFileSync(file), { level: 6 });
  writeFileSync(`${file}.gz`, packed);
  return packed.length;
}

const DT = 0.001;
const BODIES = 5;

/** Five bodies that attract each other, so many steps of it. Answers their energy. */
export function nBody(steps) {
  const bodies = Array.from({ length: BODIES }, (_, i) => ({
    x: i + 1,
    y: i * i * 0.5,
    z: 1 / (i + 1),
    vx: 0.1 * i,
    vy: 0.2 - 0.05 * i,
    vz: 0.01 * i,
    mass: 1 / (i + 1),
  }));
  for (let step = 0; step < steps; step++) advance(bodies);
  return energy(bodies);
}

function advance(bodies) {
  for (let i = 0; i < BODIES; i++) {
    const a = bodies[i];
    for (let j = i + 1; j < BODIES; j++) {
      const b = bodies[j];
      const dx = a.x - b.x;
      const dy = a.y - b.y;
      const dz = a.z - b.z;
      const squared = dx * dx + dy * dy + dz * dz + 0.01;
      const pull = DT / (squared * Math.sqrt(squared));
      a.vx -= dx * b.mass * pull;
      a.vy -= dy * b.mass * pull;
      a.vz -= dz * b.mass * pull;
      b.vx += dx * a.mass * pull;
      b.vy += dy * a.mass * pull;
      b.vz += dz * a.mass * pull;
    }
  }
  for (const body of bodies) {
    body.x += DT * body.vx;
    body.y += DT * body.vy;
    body.z += DT * body.vz;
  }
}

const energy = (bodies) =>
  bodies.reduce((sum, { vx, vy, vz, mass }) => sum + 0.5 * mass * (vx * vx + vy * vy + vz * vz), 0);

/** The files of a tree, without what was packed. */
const filesIn = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.gz'))
    .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name))
    .sort();

/** What each piece of a job is given. */
export const itemsOf = {
  gzipFile: ({ folder }) => filesIn(folder),
  nBody: ({ pieces, steps }) => Array(pieces).fill(steps),
};

export const tasks = { gzipFile, nBody };

/** The job is done when every piece has an answer that makes sense. */
export function checkAnswers(answers, { job }, items) {
  if (answers.length === items.length && answers.every((answer) => answer > 0)) return;
  throw new Error(`${job} gave ${answers.length} answers to ${items.length} pieces`);
}
