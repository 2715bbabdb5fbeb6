import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { AppProcess } from '../support/app-process.js';
import { cleanUpLater } from '../support/clean-up.js';
import { eventually } from '../support/eventually.js';
import { callRequest, RawClient, refusal } from '../support/raw-client.js';
import { connectClient } from '../support/test-client.js';

const DEBOUNCE_MS = 50;

async function started(options = {}, debounceMs = DEBOUNCE_MS) {
  const directory = await mkdtemp(join(tmpdir(), 'mcp-sessions-'));
  cleanUpLater(() => rm(directory, { recursive: true, force: true }));
  const path = join(directory, 'sessions.json');
  const settings = { store: { type: 'file', path, debounceMs }, stream: 'memory', ...options };
  const first = await AppProcess.start(settings);
  return {
    first,
    url: `${first.origin}/mcp`,
    again: () => AppProcess.start({ ...settings, port: first.port }),
    file: () => readFile(path, 'utf8').catch(() => ''),
  };
}

describe('a process that is told to end with SIGTERM', () => {
  it('finishes what is running, refuses what is new, ends its streams, stores its sessions, and exits with 0', async () => {
    // Nothing is stored before the end: an hour passes before changes are.
    const { first, url, file } = await started({}, 3_600_000);
    const client = await RawClient.open(url);
    const main = await client.listen();
    const stream = await client.stream(callRequest(1, 'controlled', { name: 'a' }));
    await first.started('a');
    expect(await file()).not.toContain(client.sessionId);
    first.signal('SIGTERM');
    const refused = await eventually('draining', async () => {
      const answer = await client.post(callRequest(2, 'echo', { text: 'x' }));
      if (answer.status === 503) return refusal(answer);
      await answer.text();
      return undefined;
    });
    expect(refused.code).toBe(-32000);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await client.get()).status).toBe(503);
    first.finish('a', 'in time');
    expect((await stream.rest()).at(-1)!.result.content[0].text).toBe('in time');
    expect(await main.ended).toBe(true);
    expect(main.events.at(-1)!.retry).toBeGreaterThanOrEqual(500);
    expect(await first.exited).toBe(0);
    expect(await file()).toContain(client.sessionId);
    expect(first.output).toBe('');
  });

  it.each(['v1', 'v2'] as const)('P1 and is replaced goes unnoticed by client %s', async (sdk) => {
    const { first, again } = await started();
    const client = await connectClient(sdk, 'Streamable HTTP', first.origin, { answer: () => 'Grace' });
    expect(await client.call('echo', { text: 'before' })).toBe('before');
    expect(await first.kill('SIGTERM')).toBe(0);
    const second = await again();
    expect(await client.call('echo', { text: 'after' })).toBe('after');
    expect(JSON.parse(await client.call('ask'))).toEqual({ action: 'accept', name: 'Grace' });
    await client.terminate();
    expect(await second.kill('SIGTERM')).toBe(0);
  });

  it('exits although a call does not finish and a client does not read', async () => {
    const { first, url } = await started({ shutdownGraceMs: 100 });
    const client = await RawClient.open(url);
    await client.listen();
    const stream = await client.stream(callRequest(1, 'controlled', { name: 'a' }));
    await first.started('a');
    expect(await first.kill('SIGTERM')).toBe(0);
    expect(await stream.rest()).toMatchObject([{ id: 1, error: { code: -32000 } }]);
  });
});

describe('a process that is killed', () => {
  it('P1 loses no session that was stored, and tells which answers are lost', async () => {
    const { first, url, again, file } = await started();
    const client = await RawClient.open(url, { capabilities: { elicitation: {} } });
    const main = await client.listen();
    const mainPriming = await main.next();
    const stream = await client.stream(callRequest('mine', 'controlled', { name: 'a' }));
    await first.started('a');
    const priming = await stream.next();
    await eventually('the file', async () => (await file()).includes(client.sessionId!));
    expect(await first.kill('SIGKILL')).toBe('SIGKILL');
    await Promise.all([stream.ended, main.ended]);

    await again();
    const resumed = await client.listen(priming!.id);
    expect(await resumed.rest()).toMatchObject([{ id: 'mine', error: { code: -32000 } }]);
    const mainAgain = await client.listen(mainPriming!.id);
    expect(await mainAgain.next()).toMatchObject({ data: '', comments: [] });
    expect((await mainAgain.next())!.comments).toEqual(['events-lost']);
    const asked = await client.stream(callRequest(1, 'ask'));
    const question = (await asked.nextMessage())!;
    await client.post({
      jsonrpc: '2.0',
      id: question.id,
      result: { action: 'accept', content: { name: 'Ada' } },
    });
    expect((await asked.rest()).at(-1)!.result.content[0].text).toContain('Ada');
  });

  it.each(['v1', 'v2'] as const)(
    'P2 fails the running call of client %s, which then goes on',
    async (sdk) => {
      const { first, again, file } = await started();
      const client = await connectClient(sdk, 'Streamable HTTP', first.origin);
      const outcome = client.call('controlled', { name: 'a' }).then(
        () => 'answered',
        (error: Error) => error.message,
      );
      await first.started('a');
      await eventually('the file', async () => (await file()).includes(client.sessionId()!));
      await first.kill('SIGKILL');
      await again();
      expect(await outcome).toMatch(/The response was lost/);
      expect(await client.call('echo', { text: 'after' })).toBe('after');
    },
  );
});
