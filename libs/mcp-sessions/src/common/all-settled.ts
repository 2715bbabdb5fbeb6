/**
 * Waits for all of the work, whatever becomes of it.
 *
 * @throws AggregateError some of it failed
 */
export async function allSettled(work: Iterable<Promise<unknown>>, message: string): Promise<void> {
  const outcomes = await Promise.allSettled(work);
  const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  if (failures.length > 0) throw new AggregateError(failures, message);
}
