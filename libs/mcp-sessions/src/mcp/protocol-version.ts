/** Revisions that this endpoint speaks, oldest first. */
export const PROTOCOL_VERSIONS = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25'] as const;

/** The only revision with batches. */
const BATCH_VERSION = '2025-03-26';
/** The first revision whose clients understand an SSE event without data. */
const PRIMING_VERSION = '2025-11-25';

/** Whether `MCP-Protocol-Version` may say this in a session that negotiated `negotiated`. */
export function isAcceptedVersion(version: string, negotiated: string | undefined): boolean {
  return version === negotiated || (PROTOCOL_VERSIONS as readonly string[]).includes(version);
}

export function hasBatches(negotiated: string | undefined): boolean {
  return negotiated === BATCH_VERSION;
}

/** Whether streams open with an event that has an id and no data, so that even an idle one can be resumed. */
export function hasPrimingEvent(negotiated: string | undefined): boolean {
  return negotiated !== undefined && negotiated >= PRIMING_VERSION;
}
