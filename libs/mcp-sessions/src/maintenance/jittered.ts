/** Up to a tenth less, so that instances which were started together do not all clean up together. */
export function jittered(intervalMs: number): number {
  return intervalMs * (1 - Math.random() / 10);
}
