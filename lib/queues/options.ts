/** What queues are made with and what their calls take, checked. */
import type { OnConsumerDied, QueueShape } from '../backend/queue-contract.js';
import type { Names } from '../base/option-names.js';
import { checkInteger, checkOptions, invalidType, outOfRange } from '../base/options.js';

export interface QueueOptions {
  /** Most items at a time; 0, the default, is as many as memory holds. */
  maxSize?: number | undefined;
  /** Most bytes of items, as they are sent, at a time; 0, the default, is no bound. */
  maxBytes?: number | undefined;
}

export interface JoinableQueueOptions extends QueueOptions {
  /**
   * What becomes of the items that a process had got and not said to be done with when it dies: 'redeliver', the default, puts
   * them back in their places, for others; 'count' counts them as done.
   */
  onConsumerDied?: OnConsumerDied | undefined;
}

const QUEUE_OPTIONS: Names<QueueOptions> = { maxSize: true, maxBytes: true };
const JOINABLE_QUEUE_OPTIONS: Names<JoinableQueueOptions> = {
  ...QUEUE_OPTIONS,
  onConsumerDied: true,
};

/** @throws TypeError, RangeError naming the option. */
export function queueShape(given: unknown, known: Names<QueueOptions> = QUEUE_OPTIONS): QueueShape {
  if (given === undefined) return { maxSize: 0, maxBytes: 0, onConsumerDied: undefined };
  if (typeof given === 'number') {
    checkInteger('maxSize', given, 0);
    return { maxSize: given, maxBytes: 0, onConsumerDied: undefined };
  }
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw invalidType('maxSize', 'a number or an object of options', given);
  }
  checkOptions('options', given, known);
  const { maxSize = 0, maxBytes = 0 } = given as QueueOptions;
  checkInteger('options.maxSize', maxSize, 0);
  checkInteger('options.maxBytes', maxBytes, 0);
  return { maxSize, maxBytes, onConsumerDied: undefined };
}

/** @throws TypeError, RangeError naming the option. */
export function joinableShape(given: unknown): QueueShape {
  const shape = queueShape(given, JOINABLE_QUEUE_OPTIONS);
  const { onConsumerDied = 'redeliver' } =
    typeof given === 'object' ? (given as JoinableQueueOptions) : {};
  if (typeof onConsumerDied !== 'string') {
    throw invalidType('options.onConsumerDied', 'a string', onConsumerDied);
  }
  if (onConsumerDied !== 'redeliver' && onConsumerDied !== 'count') {
    throw outOfRange('options.onConsumerDied', "'redeliver' or 'count'", onConsumerDied);
  }
  return { ...shape, onConsumerDied };
}

/** @throws TypeError when it cannot be iterated. */
export function checkItems<T>(items: unknown): asserts items is Iterable<T> {
  const iterates = (items as { [Symbol.iterator]?: unknown } | null | undefined)?.[Symbol.iterator];
  if (typeof iterates !== 'function') throw invalidType('items', 'an iterable', items);
}

/** @throws TypeError, RangeError. */
export function checkMax(max: unknown): asserts max is number {
  checkInteger('max', max, 1);
}
