import { AfterForkOrder, resetAfterFork } from '../base/after-fork.js';

/** Counts the forks that this process descends from. */
let generation = 0;

resetAfterFork(AfterForkOrder.Services, (occasion) => {
  if (occasion !== 'rehearsal') generation += 1;
});

/** What is lent under one is not there under another: it is the parent's. */
export function forkGeneration(): number {
  return generation;
}
