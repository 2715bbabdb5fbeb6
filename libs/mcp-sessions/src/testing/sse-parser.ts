/** One event as a client sees it. */
export interface SseEvent {
  /** The last event id as of this event, which the client would resume behind. */
  id: string;
  /** The event's type; `message` if the stream names none. */
  event: string;
  data: string;
}

/** What an SSE stream carries. */
export interface SseContent {
  /** The events with data: those that a client is given. */
  events: SseEvent[];
  /** The comments, without their colon and the space behind it. */
  comments: string[];
  /** The id that a client would resume behind; empty if there was none. */
  lastEventId: string;
  /** The time that clients were last told to wait before they reconnect, in milliseconds. */
  retry?: number;
}

/** Reads an SSE stream as browsers do (WHATWG HTML, Server-sent events, Interpreting an event stream). */
export function parseSse(text: string): SseContent {
  const content: SseContent = { events: [], comments: [], lastEventId: '' };
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\r|\n/);
  lines.pop(); // What follows the last line break is not a line yet.
  let id = '';
  let event = '';
  let data = '';
  for (const line of lines) {
    if (line === '') {
      content.lastEventId = id;
      if (data !== '') content.events.push({ id, event: event || 'message', data: data.slice(0, -1) });
      event = '';
      data = '';
      continue;
    }
    const colon = line.indexOf(':');
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (colon === 0) content.comments.push(value);
    else if (field === 'data') data += `${value}\n`;
    else if (field === 'event') event = value;
    else if (field === 'id' && !value.includes('\0')) id = value;
    else if (field === 'retry' && /^\d+$/.test(value)) content.retry = Number(value);
  }
  return content;
}
