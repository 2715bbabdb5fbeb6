import { describe, expect, it } from '@jest/globals';
import { inspect } from 'node:util';
import { InvalidConfigurationError } from '../common/errors.js';
import { clientError, messageOf, replyCodeOf } from './client-error.js';
import { RedisCommandTimeoutError } from './redis.errors.js';

const ARGS = ['mcp:session:{the-session}', Buffer.from('the-record'), 60_000];

describe('clientError', () => {
  it('keeps name, message, code and the name of the command, and nothing of the original', () => {
    const original = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), {
      name: 'ReplyError',
      code: 'ECONNREFUSED',
      command: { name: 'set', args: ARGS },
      cause: new Error('the-session'),
    });
    const error = clientError(original, 'set', ARGS);
    expect(error).toMatchObject({ name: 'ReplyError', code: 'ECONNREFUSED', command: 'set' });
    expect(error.message).toBe('connect ECONNREFUSED 127.0.0.1:1');
    expect(inspect(error, { depth: Infinity, showHidden: true })).not.toMatch(/the-session|the-record/);
  });

  it.each([
    [
      "ERR unknown command 'evalsha', with args beginning with: 'mcp:session:{the-se",
      "ERR unknown command 'evalsha'",
    ],
    ['ERR unknown command `set`, with args beginning with: `x`, ', 'ERR unknown command `set`'],
    ["NOPERM no access to the 'mcp:session:{the-session}' key", "NOPERM no access to the '…' key"],
    ['ERR cannot parse the-record', 'ERR cannot parse …'],
    ['MOVED 3999 127.0.0.1:6381', 'MOVED 3999 127.0.0.1:6381'],
    ['WRONGTYPE Operation against a key holding the wrong kind of value', undefined],
    ["OOM command not allowed when used memory > 'maxmemory'.", undefined],
  ])('of "%s" leaves what names no argument', (message, expected = message) => {
    expect(clientError(new Error(message), 'set', ARGS).message).toBe(expected);
  });

  it('takes what is no error for its text', () => {
    expect(clientError('the-record is broken', 'get', ARGS)).toMatchObject({
      name: 'Error',
      message: '… is broken',
    });
  });

  it('tells which script failed', () => {
    const sha1 = 'a'.repeat(40);
    const { message } = clientError(new Error(`ERR in ${sha1}`), 'evalsha', [sha1, 1, 'key-of-session']);
    expect(message).toBe(`ERR in ${sha1}`);
  });

  it('leaves errors of this library as they are', () => {
    for (const error of [new RedisCommandTimeoutError(1), new InvalidConfigurationError('no')])
      expect(clientError(error, 'get', ARGS)).toBe(error);
  });

  it('says what failed last, where the client says only that all failed', () => {
    const refused = new AggregateError([new Error('refused on ::1'), new Error('refused on 127.0.0.1')]);
    expect(messageOf(refused)).toBe('refused on ::1, refused on 127.0.0.1');
    const all = Object.assign(new Error('Failed to refresh slots cache.'), { lastNodeError: refused });
    expect(messageOf(all)).toBe('Failed to refresh slots cache. refused on ::1, refused on 127.0.0.1');
  });
});

describe('replyCodeOf', () => {
  it.each([
    ["OOM command not allowed when used memory > 'maxmemory'.", 'OOM'],
    ['ERR value is not an integer or out of range script: 1234', 'ERR'],
    ['READONLY You can’t write against a read only replica.', 'READONLY'],
    ['connect ECONNREFUSED 127.0.0.1:1', undefined],
    ['Connection is closed.', undefined],
    ['Reached the max retries per request limit (which is 1).', undefined],
    ['The client is closed', undefined],
    ['', undefined],
  ])('of "%s" is %p', (message, code) => {
    expect(replyCodeOf(clientError(new Error(message), 'set', []))).toBe(code);
  });
});
