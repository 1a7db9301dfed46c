/** Everything in this room, for who has to know all of its classes. */
export { JoinableQueue, type JoinableQueueOptions } from './joinable-queue.js';
export { Queue } from './queue.js';
export type { QueueOptions } from './options.js';
export { SimpleQueue } from './simple-queue.js';
