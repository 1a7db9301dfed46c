/** Standard streams around a fork: nothing is written twice, and the child's go where they were asked to go. */
import fs from 'node:fs';
import { Writable } from 'node:stream';
import type { Forking } from '../../backend/contract.js';
import { backend } from '../../backend/index.js';
import { Deadline } from '../../base/deadline.js';
import { WRITABLE } from '../../base/readiness.js';

/** The getters throw where the descriptor is of no known kind or closed. */
function standardStreams(): NodeJS.WriteStream[] {
  const streams: NodeJS.WriteStream[] = [];
  for (const name of ['stdout', 'stderr'] as const) {
    try {
      streams.push(process[name]);
    } catch {
      // No such stream: nothing in it to flush or keep.
    }
  }
  return streams;
}

/** What the parent has written but not delivered would come out of the child too. Python flushes before it forks as well. */
export async function flushStdio(): Promise<void> {
  for (const stream of standardStreams()) {
    if (stream.writableLength > 0 && !stream.destroyed) {
      await new Promise<void>((resolve) => stream.write('', () => resolve()));
    }
  }
}

/** Node opens a terminal again for itself, so its descriptor is not 1 or 2. */
export function keptStdioFds(): number[] {
  return standardStreams().flatMap((stream) => {
    const fd = (stream as unknown as { _handle?: { fd?: number } })._handle?.fd;
    return fd !== undefined && fd > 2 ? [fd] : [];
  });
}

/** A standard stream on a descriptor of any kind, written at once: there is no later in a process that ends by _exit. */
class DescriptorStream extends Writable {
  readonly fd: number;

  constructor(fd: number) {
    super({ decodeStrings: true });
    this.fd = fd;
  }

  override _write(
    chunk: Buffer,
    _encoding: string,
    callback: (error?: Error | null) => void,
  ): void {
    try {
      for (let at = 0; at < chunk.length;) at += this.#writeSome(chunk, at);
      callback();
    } catch (error) {
      callback(error as Error);
    }
  }

  /** The open file may be somebody's who does not block on it: there a full pipe is no failure, but a reason to wait. */
  #writeSome(chunk: Buffer, at: number): number {
    try {
      return fs.writeSync(this.fd, chunk, at);
    } catch (error) {
      const { blockOn } = backend();
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || blockOn === undefined) throw error;
      blockOn([{ fd: this.fd, events: WRITABLE }], Deadline.after(undefined));
      return 0;
    }
  }
}

function replace(name: 'stdout' | 'stderr', fd: number): void {
  const stream = new DescriptorStream(fd);
  Object.defineProperty(process, name, { configurable: true, enumerable: true, get: () => stream });
  // The console keeps the stream that it used first.
  Object.defineProperty(console, `_${name}`, { configurable: true, writable: true, value: stream });
}

/** In the child: stdin is the null device, stdout and stderr are what the parent has opened for it. */
export function redirectStdio(
  forking: Pick<Forking, 'openFile' | 'redirect' | 'closeFd'>,
  stdout: number | undefined,
  stderr: number | undefined,
): void {
  const nullDevice = forking.openFile('/dev/null', 'read');
  forking.redirect(nullDevice, 0);
  forking.closeFd(nullDevice);
  if (stdout !== undefined) {
    forking.redirect(stdout, 1);
    replace('stdout', 1);
  }
  if (stderr !== undefined) {
    forking.redirect(stderr, 2);
    replace('stderr', 2);
  }
}
