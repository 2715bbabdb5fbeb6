import type { Request } from 'express';
import { InvalidConfigurationError } from '../common/errors.js';
import type { McpEndpointOptions } from './mcp-endpoint-options.interface.js';

/**
 * The `principal` option, with its answers checked: no session would ever belong to something else than text, and every
 * request would be answered with 404.
 *
 * @returns the function; it throws InvalidConfigurationError for any other answer
 */
export function checkedPrincipal(principal: (request: Request) => unknown): McpEndpointOptions['principal'] {
  return (request) => {
    const answer = principal(request);
    if (answer === undefined || typeof answer === 'string') return answer;
    const isPromise = typeof (answer as PromiseLike<unknown> | null)?.then === 'function';
    // Whatever becomes of it, it is refused already; a rejection must not end the process.
    if (isPromise) (answer as PromiseLike<unknown>).then(undefined, () => undefined);
    // Not the answer itself: it may be a person, or a token.
    const found = isPromise ? 'a promise' : answer === null ? 'null' : `a value of type ${typeof answer}`;
    throw new InvalidConfigurationError(
      `The option \`principal\` must return a string or undefined; it returned ${found}. What takes time belongs in a ` +
        'guard or a middleware, which leaves on the request what it found out.',
    );
  };
}
