import { describe, expect, it } from '@jest/globals';
import { parseSse } from '../testing/sse-parser.js';
import { endpointFrame, messageFrame, primingFrame, retryFrame, splitEvents } from './sse-frame.js';

describe('splitEvents', () => {
  it.each<[string, string[]]>([
    ['', []],
    ['\n', []],
    ['\r\n\r\n', []],
    ['data: a\n\n', ['data: a\n\n']],
    ['data: a', ['data: a\n\n']],
    ['data: a\n', ['data: a\n\n']],
    ['x', ['x\n\n']],
    ['\ndata: a\n\n', ['data: a\n\n']],
    ['data: a\n\ndata: b\n\n', ['data: a\n\n', 'data: b\n\n']],
    ['data: a\n\n\n\n\ndata: b\n\n', ['data: a\n\n', 'data: b\n\n']],
    ['data: a\r\n\r\ndata: b\r\n\r\n', ['data: a\n\n', 'data: b\n\n']],
    ['data: a\r\rdata: b\r\r', ['data: a\n\n', 'data: b\n\n']],
    ['data: a\r\n\r\ndata: b\n\n', ['data: a\n\n', 'data: b\n\n']],
    ['data: a\rdata: b\n\n', ['data: a\ndata: b\n\n']],
    [': a comment\n\ndata: a\n\n', [': a comment\n\n', 'data: a\n\n']],
    ['retry: 5\n\n', ['retry: 5\n\n']],
    ['id: 1\ndata: a\n\n', ['data: a\n\n']],
    ['data: a\nid: 1\ndata: b\n\n', ['data: a\ndata: b\n\n']],
    ['data: a\nid\n\n', ['data: a\n\n']],
    ['id: 1\n\ndata: a\n\n', ['data: a\n\n']],
    ['data: a\nid: 1', ['data: a\n\n']],
    ['data: id: 1\nidea: x\n\n', ['data: id: 1\nidea: x\n\n']],
    ['data: a\u2028id: 1\u2029\n\ndata: b\n\n', ['data: a\u2028id: 1\u2029\n\n', 'data: b\n\n']],
  ])('%j', (text, events) => {
    expect(splitEvents(text)).toEqual(events);
  });

  it('does not change what a client reads', () => {
    const text = 'event: x\ndata: a\ndata: b\n\n: c\n\ndata:  d\r\n\r\nevent: y\rdata\r\r';
    expect(parseSse(splitEvents(text).join(''))).toEqual(parseSse(text));
  });
});

describe('Frames', () => {
  it('carry any message in one event', () => {
    const message = { method: 'a\nb\r\n\n', params: { text: '\u2028 id: 1 🦊' } };
    const { events } = parseSse(messageFrame(message));
    expect(events).toHaveLength(1);
    expect(JSON.parse(events[0]!.data)).toEqual(message);
    expect(splitEvents(messageFrame(message))).toEqual([messageFrame(message)]);
  });

  it('prime a client with an id, a time to wait, and no data', () => {
    expect(parseSse(primingFrame('some-id', 1_500))).toEqual({
      events: [{ id: 'some-id', event: 'message', data: '' }],
      comments: [],
      lastEventId: 'some-id',
      retry: 1_500,
    });
    expect(parseSse(retryFrame(20)).retry).toBe(20);
  });

  it('say where to POST', () => {
    const { events } = parseSse(endpointFrame('/messages?sessionId=1'));
    expect(events).toEqual([{ id: '', event: 'endpoint', data: '/messages?sessionId=1' }]);
  });
});
