/** Bars on a terminal, by the package cli-progress, which is loaded when the first one is asked for. */
import type * as cliProgress from 'cli-progress';
import { AfterForkOrder, resetAfterFork } from '../base/after-fork.js';
import { invalidType } from '../base/options.js';
import { NotSupportedError } from '../errors.js';

type Library = typeof cliProgress;
type MultiBar = cliProgress.MultiBar;
type SingleBar = cliProgress.SingleBar;

export interface BarState {
  readonly done: number;
  readonly failed: number;
  readonly total: number | undefined;
}

const FORMAT = '{label}[{bar}] {value}/{total} | {failed} failed | ETA {eta_formatted}';
const FORMAT_WITHOUT_TOTAL = '{label}{value} done | {failed} failed';

/** Bars of this process stand below each other: they are drawn together, and together they leave the screen. */
let shown: { readonly bars: MultiBar; open: number } | undefined;

resetAfterFork(AfterForkOrder.Services, (kind) => {
  if (kind === 'clean') shown = undefined;
});

/**
 * What is asked for: nothing, a bar, or a bar behind this text.
 * @throws NotSupportedError without cli-progress, where there is a terminal to show a bar on
 */
export function checkProgress(
  name: string,
  value: unknown,
  stream: NodeJS.WriteStream = process.stderr,
): void {
  if (value === undefined || value === false) return;
  if (typeof value !== 'boolean' && typeof value !== 'string')
    throw invalidType(name, 'a boolean or a string', value);
  if (stream.isTTY) loadLibrary(name);
}

export class ProgressBar {
  readonly #bar: SingleBar;
  readonly #label: string;

  private constructor(bar: SingleBar, label: string) {
    this.#bar = bar;
    this.#label = label;
  }

  /** Undefined when none is wanted, or nobody would see it. */
  static show(
    wanted: boolean | string | undefined,
    total: number | undefined,
    stream: NodeJS.WriteStream = process.stderr,
  ): ProgressBar | undefined {
    if (wanted === undefined || wanted === false || !stream.isTTY) return undefined;
    shown ??= { bars: makeBars(stream), open: 0 };
    shown.open++;
    const label = typeof wanted === 'string' && wanted !== '' ? `${oneLine(wanted)} ` : '';
    const format = total === undefined ? FORMAT_WITHOUT_TOTAL : FORMAT;
    const bar = shown.bars.create(total ?? 0, 0, { label, failed: 0 }, { format });
    return new ProgressBar(bar, label);
  }

  update({ done, failed }: BarState): void {
    this.#bar.update(done, { label: this.#label, failed });
  }

  /** It stays on the screen as it is. */
  end(): void {
    this.#bar.stop();
    if (shown === undefined || --shown.open > 0) return;
    shown.bars.stop();
    shown = undefined;
  }
}

function makeBars(stream: NodeJS.WriteStream): MultiBar {
  const bars = new (loadLibrary('progress').MultiBar)({
    stream,
    // A program that ends in the middle must not leave the terminal without it.
    linewrap: true,
    emptyOnZero: true,
    autopadding: true,
  });
  // An iteration that its consumer has forgotten must not hold the program.
  bars.on('update-post', () => (bars as unknown as { timer?: NodeJS.Timeout }).timer?.unref());
  return bars;
}

/** Control characters would move the cursor. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ');
}

function loadLibrary(name: string): Library {
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- it is there only where the program has it
    return require('cli-progress') as Library;
  } catch (cause) {
    throw new NotSupportedError(
      `${name} needs the package cli-progress: npm install cli-progress, or listen to onProgress`,
      { cause },
    );
  }
}
