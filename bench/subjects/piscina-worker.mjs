// The form that piscina wants a worker's function in.
export { nothing as default } from './functions.mjs';
