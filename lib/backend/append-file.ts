import { constants, openSync } from 'node:fs';

/**
 * Opens a file for a child of node:child_process to append to. Without blocking: a FIFO that has no reader would hold the event loop
 * for ever. The child blocks on it as on any other: libuv sets that for its standard streams.
 */
export function openToAppend(path: string): number {
  const {
    O_WRONLY,
    O_CREAT,
    O_APPEND,
    O_NONBLOCK = 0,
  } = constants as Partial<typeof constants> &
    Pick<typeof constants, 'O_WRONLY' | 'O_CREAT' | 'O_APPEND'>;
  return openSync(path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK, 0o666);
}
