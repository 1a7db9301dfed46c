/** The loans of a queue: where they come from, and messages that are got in place. */
import { ITEM_HEAD_BYTES, type TakenInPlace } from '../backend/loan-contract.js';
import type { QueueHandle, Taken } from '../backend/queue-contract.js';
import { outOfRange, type Wait } from '../base/options.js';
import { CopiedLoan } from '../loans/copied-loan.js';
import type { Lender } from '../loans/loan.js';
import { loanedCopy, loanedInPlace, type LoanedItem } from '../loans/loaned-item.js';
import { Kind } from '../serialization/compact-format.js';
import { decodeItem } from './items.js';
import { closedHere } from './reports.js';

export function lenderOf(handle: QueueHandle): Lender {
  return {
    owner: handle,
    called: 'queue',
    done: 'put',
    lend(size) {
      const { maxBytes } = handle.shape;
      if (maxBytes > 0 && size > maxBytes - ITEM_HEAD_BYTES) {
        const most = `at most ${String(maxBytes - ITEM_HEAD_BYTES)}, as maxBytes of the queue has it`;
        throw outOfRange('size', most, size);
      }
      if (handle.closed) throw closedHere();
      return handle.loans?.lend(size, Kind.AlignedBytes) ?? new CopiedLoan(handle, size);
    },
  };
}

export function getLoaned(
  handle: QueueHandle,
  wait: Wait,
): Taken<LoanedItem> | Promise<Taken<LoanedItem>> {
  if (handle.loans === undefined) return handle.get(copied, wait);
  const taken = handle.loans.take(wait);
  return taken instanceof Promise ? taken.then(inPlace) : inPlace(taken);
}

export function getLoanedSync(handle: QueueHandle, timeoutMs: number): Taken<LoanedItem> {
  if (handle.loans === undefined) return handle.getSync(copied, timeoutMs);
  return inPlace(handle.loans.takeSync(timeoutMs));
}

/** @throws SerializationError; the message is gone then. */
function inPlace(taken: TakenInPlace): Taken<LoanedItem> {
  if (typeof taken === 'number') return taken;
  return { value: loanedInPlace(taken, (bytes) => decodeItem(bytes, 0, bytes.length, [])) };
}

function copied(...message: Parameters<typeof decodeItem>): LoanedItem {
  return loanedCopy(decodeItem(...message));
}
