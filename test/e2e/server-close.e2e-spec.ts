import { describe, expect, it } from '@jest/globals';
import type { McpServerLike, McpSessionsOptions } from 'nestjs-mcp-sessions';
import { within } from '../support/eventually.js';
import { callRequest, RawClient, refusal } from '../support/raw-client.js';
import { createScenario } from '../support/scenario-server.js';
import { startApp } from '../support/start-app.js';

/** Longer than a server object may take to close. */
const IN_TIME_MS = 4_000;

/** An application whose server objects close in their own way. */
async function started(close: () => Promise<void>, options: McpSessionsOptions = {}) {
  const scenario = createScenario('v2');
  const server = async (...context: Parameters<typeof scenario.factory>): Promise<McpServerLike> => {
    const real = await scenario.factory(...context);
    return { connect: (transport) => real.connect(transport), close };
  };
  const app = await startApp({ server, ...options });
  const client = await RawClient.open(app.url);
  const stream = await client.stream(callRequest(1, 'controlled', { name: 'x' }));
  await scenario.control.started('x');
  return { ...app, client, stream };
}

const never = (): Promise<void> => new Promise(() => undefined);
const failing = async (): Promise<void> => {
  throw new Error('It cannot close');
};
const connectionClosed = { id: 1, error: { code: -32000, message: 'Connection closed' } };

describe('a server object of the application', () => {
  it.each([
    ['never closes', never, 'did not close in time'],
    ['fails to close', failing, 'It cannot close'],
  ])('that %s does not keep its session from ending', async (_, close, reason) => {
    const { client, stream, logger } = await started(close);
    const deleted = await within('the answer to DELETE', client.delete(), IN_TIME_MS);
    expect(deleted.status).toBe(200);
    expect(await stream.rest()).toMatchObject([connectionClosed]);
    expect((await refusal(client.get())).status).toBe(404);
    expect(logger.errors.some((line) => line.includes(reason))).toBe(true);
  });

  it('that never closes does not keep the application from closing', async () => {
    const { stream, close } = await started(never);
    await within('the shutdown', close(), IN_TIME_MS);
    expect(await stream.rest()).toMatchObject([connectionClosed]);
  });
});
