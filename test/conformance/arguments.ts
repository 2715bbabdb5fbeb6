import { parseArgs } from 'node:util';
import { isRevision, type Revision, revisions } from './revisions.js';

/** What the runner was asked to check. */
export interface ConformanceArguments {
  /** The revision of the protocol that the suite speaks. */
  revision: Revision;
  /** How many instances of the fixture server share the requests; several have their sessions and streams in Redis. */
  instances: number;
}

/** The command line asks for something that the runner does not do. The message says what it does. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const supportedInstances = [1, 2, 3];

/**
 * Reads the command line.
 * @throws {UsageError} An option is unknown, or its value is not supported.
 */
export function parseArguments(args: string[]): ConformanceArguments {
  const { revision, instances } = parseOptions(args);
  if (!isRevision(revision)) {
    throw new UsageError(`--revision ${revision} is not supported; supported: ${revisions.join(', ')}.`);
  }
  if (!supportedInstances.map(String).includes(instances)) {
    throw new UsageError(
      `--instances ${instances} is not supported; supported: ${supportedInstances.join(', ')}.`,
    );
  }
  return { revision, instances: Number(instances) };
}

function parseOptions(args: string[]): { revision: string; instances: string } {
  try {
    return parseArgs({
      args,
      options: {
        revision: { type: 'string', default: '2025-11-25' },
        instances: { type: 'string', default: '1' },
      },
    }).values;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${message}. Supported: --revision and --instances.`, { cause: error });
  }
}
