import { describe, expect, it } from '@jest/globals';
import { HOSTILE_IDS } from '../testing/stream-manager-steps.js';
import { eventIdPrefix, formatEventId, parseEventId } from './event-id.js';
import { InvalidEventIdError } from './stream-manager.errors.js';

describe('Event ids', () => {
  it('say again what they were made of, whatever the session and the key', () => {
    for (const sessionId of HOSTILE_IDS) {
      for (const key of [...HOSTILE_IDS, '.', '..', 'a.0.0.0.0', "~!*'()-_"]) {
        const id = formatEventId(eventIdPrefix({ sessionId, key }, '0af9'), 123_456, 7);
        expect(id).toMatch(/^[\x21-\x7e]+$/);
        expect(parseEventId(sessionId, id)).toEqual({ key, epoch: '0af9', offset: 123_456, broadcast: 7 });
      }
    }
  });

  it('keep large offsets exactly', () => {
    const id = formatEventId(eventIdPrefix({ sessionId: 's', key: 'k' }, 'e'), Number.MAX_SAFE_INTEGER, 0);
    expect(parseEventId('s', id).offset).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('P2 of another session are refused', () => {
    const ids = HOSTILE_IDS.map((sessionId) =>
      formatEventId(eventIdPrefix({ sessionId, key: 'main' }, 'e'), 0, 0),
    );
    expect(new Set(ids).size).toBe(ids.length);
    for (const [index, id] of ids.entries()) {
      for (const sessionId of HOSTILE_IDS.filter((_, other) => other !== index)) {
        expect(() => parseEventId(sessionId, id)).toThrow(InvalidEventIdError);
      }
    }
  });

  it('refuse what is malformed', () => {
    const prefix = eventIdPrefix({ sessionId: 's', key: 'k' }, 'e');
    const malformed = [
      '',
      '.',
      `${prefix}0`,
      `${prefix}0.`,
      `${prefix}.0`,
      `${prefix}-1.0`,
      `${prefix}0.0.0`,
    ];
    malformed.push(`${prefix}A.0`, `${prefix}0.0\n`, ` ${prefix}0.0`, `${prefix}${'0'.repeat(12)}.0`);
    malformed.push(
      `${prefix.split('.')[0]}.%.e.0.0`,
      `${prefix.split('.')[0]}.%FF.e.0.0`,
      `${'a'.repeat(10_000)}`,
    );
    for (const id of malformed) expect(() => parseEventId('s', id)).toThrow(InvalidEventIdError);
  });
});
