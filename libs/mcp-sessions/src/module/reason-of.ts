/** What an error comes from, in words: the first cause says more than that something is out of reach. */
export function reasonOf(error: unknown): string {
  const { cause, message } = (error ?? {}) as Partial<Error>;
  return cause === undefined ? (message ?? String(error)) : reasonOf(cause);
}
