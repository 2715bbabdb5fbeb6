/*
 * The event that the push rows send. It holds one byte that occurs nowhere else in a stream, so that the client
 * can count events without parsing.
 */

/** Second byte of `¶` in UTF-8. */
export const MARK = 0xb6;

const TEXT =
  'Stock of article 4711 changed: 12 pieces left in the central warehouse, next delivery on Monday.';

/** A notification of about 200 bytes. @param {number} number */
export function notification(number) {
  return {
    method: 'notifications/message',
    params: { level: 'info', logger: 'stock', data: { number, text: `¶ ${TEXT}` } },
  };
}

/** The same as SSE text, without an id. @param {number} number */
export function frameOf(number) {
  return `event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', ...notification(number) })}\n\n`;
}
