import Negotiator from 'negotiator';
import { MIMEType } from 'node:util';

export const JSON_TYPE = 'application/json';
export const SSE_TYPE = 'text/event-stream';

/** Whether a `Content-Type` header names JSON, whatever its parameters. */
export function isJson(contentType: string | undefined): boolean {
  if (contentType === undefined) return false;
  try {
    return new MIMEType(contentType).essence === JSON_TYPE;
  } catch {
    return false;
  }
}

/** Parameters of a media range other than its weight: ours have none, and none is refused. */
const RANGE_PARAMETERS = /;\s*(?!q\s*=)[^;,]*/gi;

/** Whether an `Accept` header offers all of the types, by name or by wildcard. */
export function accepts(accept: string | undefined, ...types: string[]): boolean {
  if (accept === undefined) return false;
  return (
    new Negotiator({ headers: { accept: accept.replace(RANGE_PARAMETERS, '') } }).mediaTypes(types).length ===
    types.length
  );
}
