/** Every pool at the same work: `measure` is its name in ours-pool.mjs and peer-pool.mjs, `python` that in python.py. */
export function poolSubjects(measure, { python, file = 'python' }) {
  const node = (title, of, suffix = '') => ({
    title,
    kind: 'node',
    file: of,
    measure: `${measure}${suffix}`,
  });
  return [
    node('ours, fork', 'ours-pool', 'Fork'),
    node('ours, spawn', 'ours-pool', 'Spawn'),
    node('piscina', 'piscina'),
    node('tinypool, threads', 'tinypool', 'Threads'),
    node('tinypool, processes', 'tinypool', 'Processes'),
    node('workerpool, threads', 'workerpool', 'Threads'),
    node('workerpool, processes', 'workerpool', 'Processes'),
    { title: 'CPython, Pool', kind: 'python', file, measure: python },
  ];
}
