/** The loans of a connection. */
import type { Channel } from '../backend/contract.js';
import { QueueOutcome } from '../backend/queue-contract.js';
import { Deadline } from '../base/deadline.js';
import { CopiedLoan, type Destination } from '../loans/copied-loan.js';
import type { Lender } from '../loans/loan.js';
import { Kind } from '../serialization/compact-format.js';

/** `check` throws what keeps the connection from sending at all. */
export function lenderOf(channel: Channel, check: () => void): Lender {
  return {
    owner: channel,
    called: 'connection',
    done: 'sent',
    lend(size) {
      check();
      return (
        channel.lend?.(size, Kind.AlignedBytes) ?? new CopiedLoan(destinationOf(channel), size)
      );
    },
  };
}

function destinationOf(channel: Channel): Destination {
  return {
    async put(message, wait) {
      await channel.send(message, wait);
      return QueueOutcome.Done;
    },
    putSync(message, timeoutMs) {
      channel.sendSync(message, Deadline.after(timeoutMs));
      return QueueOutcome.Done;
    },
  };
}
