import workerpool from 'workerpool';
import { nothing } from './functions.mjs';

workerpool.worker({ nothing });
