/** What the addon answers, as the contract says it. */
import { QueueOutcome } from '../../queue-contract.js';
import type { Answer } from '../sync-addon.js';

export function answered(answer: Answer): QueueOutcome {
  if (answer === undefined) return QueueOutcome.Done;
  return answer === 0 ? QueueOutcome.TimedOut : answer;
}

export function ended(outcome: number): QueueOutcome.TimedOut | QueueOutcome.Closed {
  return (outcome as QueueOutcome) === QueueOutcome.Closed
    ? QueueOutcome.Closed
    : QueueOutcome.TimedOut;
}

export function isReady(answer: Answer): boolean {
  return answered(answer) !== QueueOutcome.TimedOut;
}
