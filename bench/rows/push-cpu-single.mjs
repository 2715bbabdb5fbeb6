import { PUSH_PACKAGES, push } from '../lib/push-row.mjs';

/** @type {import('../lib/row.mjs').Row} */
export default {
  name: 'push-cpu-single',
  what: 'CPU per event and stream, notifyAll to 5,000 streams, one event at a time',
  against: 'Express, response.write of an equal frame',
  unit: 'µs',
  target: { atMost: 1.1 },
  packages: PUSH_PACKAGES,
  sizes: {
    full: { pairs: 7, streams: 5000, burst: 1, warmUp: 20, rounds: 100 },
    quick: { pairs: 3, streams: 1000, burst: 1, warmUp: 20, rounds: 100 },
  },
  measure: push,
};
