import { types } from 'node:util';
import { McpSessionsError } from '../common/errors.js';
import type { RedisArgument } from './redis-connection.interface.js';

/** Redis quotes the arguments of a command that it does not know, each cut off somewhere. */
const QUOTED_ARGUMENTS = /,? with args beginning with:.*/s;
/** Shorter arguments say nothing, and would make a message unreadable where they stand for words of it. */
const SHORTEST_HIDDEN = 4;

/**
 * What a client's error says, without what was sent: clients attach the command to it, and its arguments hold session
 * ids, owners and whole records. Errors are logged, and handed to the application as a `cause`.
 */
export class RedisClientError extends Error {
  /** The client's own code, such as `ECONNREFUSED`, if it gave one. */
  declare readonly code?: string;

  constructor(
    { name, message, code }: { name: string; message: string; code?: string },
    /** The name of the command that failed, without its arguments. */
    readonly command: string,
  ) {
    super(message);
    this.name = name;
    if (code !== undefined) this.code = code;
  }
}

/** What a client's error becomes before anyone sees it. An error of this library stays what it is. */
export function clientError(error: unknown, command: string, args: readonly RedisArgument[]): Error {
  if (error instanceof McpSessionsError) return error;
  // The hash of a script tells which one failed.
  const hidden = command === 'evalsha' ? args.slice(1) : args;
  const message = withoutArguments(messageOf(error), hidden);
  if (!isError(error)) return new RedisClientError({ name: 'Error', message }, command);
  const { name, code } = error as NodeJS.ErrnoException;
  return new RedisClientError({ name, message, code: typeof code === 'string' ? code : undefined }, command);
}

/** The code of an error that Redis itself has answered with, such as `OOM`; `undefined` of any other error. */
export function replyCodeOf(error: unknown): string | undefined {
  // Clients have no class of errors in common. What they say themselves begins with no word in capitals.
  return /^[A-Z]{2,}(?= )/.exec(messageOf(error))?.[0];
}

/** What an error says, or the errors that it stands for, where a client keeps them beside an empty phrase. */
export function messageOf(error: unknown): string {
  if (!isError(error)) return String(error);
  const { message, errors, lastNodeError } = error as Error & { errors?: unknown; lastNodeError?: unknown };
  if (isError(lastNodeError)) return `${message} ${messageOf(lastNodeError)}`;
  if (message === '' && Array.isArray(errors)) return errors.map(messageOf).join(', ');
  return message;
}

/** Of another realm, too, as Node's own errors are for code that runs in a context of its own. */
function isError(error: unknown): error is Error {
  return error instanceof Error || types.isNativeError(error);
}

function withoutArguments(message: string, args: readonly RedisArgument[]): string {
  let text = message.replace(QUOTED_ARGUMENTS, '');
  for (const argument of args) {
    if (typeof argument === 'number' || argument.length < SHORTEST_HIDDEN) continue;
    if (argument.length <= text.length) text = text.replaceAll(argument.toString(), '…');
  }
  return text;
}
