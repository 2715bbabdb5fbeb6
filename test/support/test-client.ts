import { cleanUpLater } from './clean-up.js';
import type { ClientSdk, TestClient, TestClientOptions, Wire } from './test-client-parts.js';
import { connectV1 } from './test-client-v1.js';
import { connectV2 } from './test-client-v2.js';

export type { ClientSdk, TestClient, TestClientOptions, Wire };

/** A connected client. `origin` is where the application listens. */
export async function connectClient(
  sdk: ClientSdk,
  wire: Wire,
  origin: string,
  options: TestClientOptions = {},
): Promise<TestClient> {
  const url = new URL(wire === 'HTTP+SSE' ? `${origin}/mcp/sse` : `${origin}/mcp`);
  const client = await (sdk === 'v1' ? connectV1(wire, url, options) : connectV2(wire, url, options));
  cleanUpLater(() => client.close());
  return client;
}
