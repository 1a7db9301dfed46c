import { constants } from 'node:os';
import { inspect } from 'node:util';
import type { ExitStatus } from '../backend/contract.js';
import type { Birth } from './own-state.js';

export interface Described {
  readonly className: string;
  readonly birth: Birth;
  readonly state: string;
  readonly pid: number | undefined;
  readonly exit: ExitStatus | undefined;
}

/** `<Process name='Process-1' pid=42 parent=7 stopped exitCode=-SIGTERM daemon>`, as Python shows it. */
export function describeProcess({ className, birth, state, pid, exit }: Described): string {
  const parts = [className, `name=${inspect(birth.name)}`];
  if (pid !== undefined && birth.parent !== undefined) parts.push(`pid=${String(pid)}`);
  parts.push(`parent=${birth.parent === undefined ? 'none' : String(birth.parent.pid)}`, state);
  if (exit !== undefined) parts.push(`exitCode=${nameOfExit(exit.exitCode)}`);
  if (birth.daemon) parts.push('daemon');
  return `<${parts.join(' ')}>`;
}

function nameOfExit(exitCode: number): string {
  const signal = Object.entries(constants.signals).find(([, number]) => number === -exitCode);
  return signal === undefined ? String(exitCode) : `-${signal[0]}`;
}
