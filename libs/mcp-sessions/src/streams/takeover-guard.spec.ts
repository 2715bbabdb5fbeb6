import { beforeEach, describe, expect, it } from '@jest/globals';
import { RecordingConnection } from '../testing/recording-connection.js';
import { MAIN, REQUEST } from '../testing/stream-manager-steps.js';
import { StreamContendedError } from './stream-manager.errors.js';
import { StreamRecord } from './stream-record.js';
import { TakeoverGuard } from './takeover-guard.js';

describe('TakeoverGuard', () => {
  const guard = new TakeoverGuard();
  let record = new StreamRecord(MAIN, 'epoch', 0);

  beforeEach(() => {
    record = new StreamRecord(MAIN, 'epoch', 0);
    record.connection = new RecordingConnection();
  });

  it('P4 refuses the sixth takeover in ten seconds, until the first is ten seconds ago', () => {
    for (const at of [0, 1_000, 2_000, 3_000, 4_000]) guard.admit(record, at);
    expect(() => guard.admit(record, 9_999)).toThrow(StreamContendedError);
    guard.admit(record, 10_000);
    expect(() => guard.admit(record, 10_999)).toThrow(StreamContendedError);
    guard.admit(record, 11_000);
  });

  it('does not count connections to a stream that nobody holds', () => {
    record.connection = undefined;
    for (let at = 0; at < 100; at += 1) guard.admit(record, at);
    expect(record.takeovers).toBeUndefined();
  });

  it('P4 admits anyone when the holder takes no more writes', () => {
    const holder = new RecordingConnection();
    holder.desiredSize = 0;
    record.connection = holder;
    for (let at = 0; at < 100; at += 1) guard.admit(record, at);
    holder.desiredSize = 1;
    expect(() => guard.admit(record, 100)).toThrow(StreamContendedError);
  });

  it('lets the clients of a request stream be', () => {
    const request = new StreamRecord(REQUEST, 'epoch', 0);
    request.connection = new RecordingConnection();
    for (let at = 0; at < 100; at += 1) guard.admit(request, at);
  });
});
