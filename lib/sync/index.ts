/** Everything in this room, for who has to know all of its classes. */
export { Barrier, type BarrierOptions } from './barrier.js';
export { Condition } from './condition.js';
export { Event } from './event.js';
export type { Guard } from './guard.js';
export { Lock, type AcquireOptions, type AcquireSyncOptions, type LockOptions } from './lock.js';
export { NamedSemaphore, type NamedSemaphoreOptions } from './named-semaphore.js';
export { RLock, type RLockAcquireOptions, type RLockAcquireSyncOptions } from './rlock.js';
export { BoundedSemaphore, Semaphore } from './semaphore.js';
