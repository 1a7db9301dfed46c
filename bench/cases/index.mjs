import { handOver, handOverAsleep } from './hand-over.mjs';
import { jobs } from './jobs.mjs';
import * as lock from './lock.mjs';
import * as lockContended from './lock-contended.mjs';
import * as lockDeath from './lock-death.mjs';
import * as poolApply from './pool-apply.mjs';
import * as poolCreate from './pool-create.mjs';
import * as poolLarge from './pool-large.mjs';
import * as poolMap from './pool-map.mjs';
import * as poolMapAutomatic from './pool-map-automatic.mjs';
import * as pipe from './pipe.mjs';
import * as pipeLarge from './pipe-large.mjs';
import { queues } from './queue.mjs';
import * as processStart from './process-start.mjs';
import * as processStartLarge from './process-start-large.mjs';
import { wakes } from './wake.mjs';

export const cases = [
  processStart,
  processStartLarge,
  pipe,
  pipeLarge,
  poolMap,
  poolMapAutomatic,
  poolApply,
  poolLarge,
  poolCreate,
  ...jobs,
  lock,
  lockContended,
  handOver,
  handOverAsleep,
  lockDeath,
  ...queues,
  ...wakes,
];
