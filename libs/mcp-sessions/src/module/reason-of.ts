import { messageOf } from '../redis/client-error.js';

/** What an error comes from, in words: the first cause says more than that something is out of reach. */
export function reasonOf(error: unknown): string {
  const { cause } = (error ?? {}) as Partial<Error>;
  return cause === undefined ? messageOf(error) : reasonOf(cause);
}
