/** The front door: the default context's surface, the classes, the errors. No logic. */
export type { StartMethod, StdioTarget } from './backend/contract.js';
export type { OnConsumerDied } from './backend/queue-contract.js';
export type { SyncWait, Wait } from './base/options.js';
export type {
  LengthLimit,
  ReceiveIntoOptions,
  SendBytesOptions,
} from './connection/byte-arguments.js';
export { Connection } from './connection/connection.js';
export { Pipe } from './connection/pipe.js';
export type { PipeOptions } from './connection/pipe.js';
export { wait, waitSync } from './connection/wait.js';
export type { Waitable } from './connection/wait.js';
export { getContext } from './context/context.js';
export type { Context } from './context/context.js';
export { getAllStartMethods, getStartMethod, setStartMethod } from './context/start-methods.js';
export * from './errors.js';
export { Loan } from './loans/loan.js';
export { LoanedItem } from './loans/loaned-item.js';
export { asCompleted } from './pool/as-completed.js';
export { currentTask } from './pool/current-task.js';
export type { CurrentTask } from './pool/current-task.js';
export { ProcessPoolExecutor } from './pool/executor.js';
export type {
  ExecutorMapOptions,
  ExecutorOptions,
  Iterables,
  ShutdownOptions,
} from './pool/executor-options.js';
export { Future } from './pool/future.js';
export { Pool } from './pool/pool.js';
export type {
  ImapOptions,
  Items,
  MapOptions,
  PoolOptions,
  TaskOptions,
} from './pool/pool-options.js';
export type { Progress } from './pool/progress.js';
export type { AsyncResult, Callbacks } from './pool/results.js';
export type { Distribution, PoolStats } from './pool/stats.js';
export { waitFutures } from './pool/wait-futures.js';
export type { DoneAndNotDone, ReturnWhen, WaitFuturesOptions } from './pool/wait-futures.js';
export type { AtForkHooks } from './process/after-fork/hooks.js';
export { exitNow, fork, registerAtFork } from './process/after-fork/index.js';
export { cpuCount } from './process/cpu-count.js';
export { activeChildren, currentProcess, parentProcess } from './process/current.js';
export type { ParentProcess } from './process/parent-process.js';
export type { ProcessOptions } from './process/process-options.js';
export { Process } from './process/process.js';
export type { Sentinel } from './process/sentinel.js';
export * from './queues/index.js';
export { registerReducer } from './serialization/reducers.js';
export { taskRef } from './serialization/task-ref.js';
export * from './sync/index.js';
export type { Blocking, HolderOption, TakeOption } from './sync/options.js';
