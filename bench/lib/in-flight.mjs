/**
 * Runs `work` for 0 … count - 1, `inFlight` at a time.
 * @param {number} count @param {number} inFlight @param {(index: number) => Promise<unknown>} work
 */
export async function inFlightOf(count, inFlight, work) {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
}
