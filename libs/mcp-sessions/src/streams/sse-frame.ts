/** The SSE comment that tells a resuming client that events it asked for are gone. */
export const EVENTS_LOST_COMMENT = ': events-lost\n\n';

/** The SSE comment that keeps proxies from closing an idle stream. */
export const KEEP_ALIVE_COMMENT = ': keep-alive\n\n';

/** An SSE event of type `message` that carries one JSON-RPC message. JSON text has no raw line breaks. */
export function messageFrame(message: unknown): string {
  return `event: message\ndata: ${JSON.stringify(message)}\n\n`;
}

/**
 * The event that opens a stream: an id to resume from and no data (MCP 2025-11-25, basic/transports, Sending
 * Messages to the Server).
 */
export function primingFrame(eventId: string, retryMs: number): string {
  return `id: ${eventId}\nretry: ${retryMs}\ndata: \n\n`;
}

/** Tells the client how long to wait before it connects again. */
export function retryFrame(retryMs: number): string {
  return `retry: ${retryMs}\n\n`;
}

/** The first event of an HTTP+SSE stream: where to POST (MCP 2024-11-05, basic/transports). */
export function endpointFrame(uri: string): string {
  return `event: endpoint\ndata: ${uri}\n\n`;
}

/** The text's UTF-8 bytes, each as one character (`latin1`): strings are cheaper to join and to write than buffers. */
export function bytesOf(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/** Not with the flag `m`: to that, a line also ends at U+2028, which JSON text may contain. */
const ID_LINE = /(?<![^\n])id(?::[^\n]*)?(?:\n|$)/g;

/**
 * Splits SSE text into its events, each ending with a blank line, so that each can have an id of its own. Ids that
 * the text brings are taken out: only a manager can make one that a client can resume behind.
 */
export function splitEvents(text: string): string[] {
  if (isPlainEvent(text)) return [text];
  return text
    .replace(/\r\n?/g, '\n')
    .replace(ID_LINE, '')
    .split(/\n\n+/)
    .map((event) => event.replace(/^\n|\n$/g, ''))
    .filter((event) => event !== '')
    .map((event) => `${event}\n\n`);
}

/** Whether the text is one event as `messageFrame` makes it. */
function isPlainEvent(text: string): boolean {
  return (
    text.length > 2 &&
    text.indexOf('\n\n') === text.length - 2 &&
    !text.startsWith('\n') &&
    !text.startsWith('id') &&
    !text.includes('\nid') &&
    !text.includes('\r')
  );
}
