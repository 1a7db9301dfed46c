import workerpool from 'workerpool';
import { lengthOf, nothing } from './functions.mjs';
import { gzipFile, nBody } from './jobs.mjs';

workerpool.worker({ nothing, lengthOf, gzipFile, nBody });
