import { PUSH_PACKAGES, push } from '../lib/push-row.mjs';

/** @type {import('../lib/row.mjs').Row} */
export default {
  name: 'push-cpu-burst',
  what: 'CPU per event and stream, notifyAll to 5,000 streams, 16 events in one tick',
  against: 'Express, 16 times response.write of an equal frame',
  unit: 'µs',
  target: { atMost: 0.2 },
  packages: PUSH_PACKAGES,
  sizes: {
    full: { pairs: 7, streams: 5000, burst: 16, warmUp: 5, rounds: 25 },
    quick: { pairs: 3, streams: 1000, burst: 16, warmUp: 5, rounds: 25 },
  },
  measure: push,
};
