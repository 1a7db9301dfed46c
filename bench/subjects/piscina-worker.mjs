// The form that piscina and tinypool want a worker's functions in.
export { lengthOf, nothing, nothing as default } from './functions.mjs';
export { gzipFile, nBody } from './jobs.mjs';
