import * as poolApply from './pool-apply.mjs';
import * as poolMap from './pool-map.mjs';
import * as pipe from './pipe.mjs';
import * as pipeLarge from './pipe-large.mjs';
import * as processStart from './process-start.mjs';
import * as processStartLarge from './process-start-large.mjs';

export const cases = [processStart, processStartLarge, pipe, pipeLarge, poolMap, poolApply];
