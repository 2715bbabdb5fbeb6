import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import {
  CAPABILITIES,
  firstText,
  RECONNECTION,
  ROOTS,
  type TestClient,
  type TestClientOptions,
  type Wire,
} from './test-client-parts.js';

export async function connectV1(
  wire: Wire,
  url: URL,
  { answer = () => 'Ada', headers }: TestClientOptions,
): Promise<TestClient> {
  const client = new Client({ name: 'client-v1', version: '1.0.0' }, { capabilities: CAPABILITIES });
  const notifications: TestClient['notifications'] = [];
  const logs: unknown[] = [];
  const errors: Error[] = [];
  client.onerror = (error) => errors.push(error);
  client.setRequestHandler(ElicitRequestSchema, async () => ({
    action: 'accept',
    content: { name: await answer() },
  }));
  client.setRequestHandler(CreateMessageRequestSchema, async (request, extra) => {
    const progressToken = request.params._meta?.progressToken;
    if (progressToken !== undefined) {
      for (const progress of [1, 2]) {
        await extra.sendNotification({
          method: 'notifications/progress',
          params: { progressToken, progress },
        });
      }
    }
    return { model: 'test', role: 'assistant', content: { type: 'text', text: 'Hi' } };
  });
  client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: ROOTS }));
  client.fallbackNotificationHandler = async (notification) => {
    notifications.push(notification as TestClient['notifications'][number]);
    if (notification.method === 'notifications/message') logs.push(notification.params?.data);
  };

  const requestInit = { headers };
  const reconnectionOptions = { ...RECONNECTION };
  const transport =
    wire === 'HTTP+SSE'
      ? new SSEClientTransport(url, { requestInit })
      : new StreamableHTTPClientTransport(url, { requestInit, reconnectionOptions });
  await client.connect(transport);
  return {
    sessionId: () => (transport instanceof StreamableHTTPClientTransport ? transport.sessionId : undefined),
    call: async (name, args = {}, { onprogress, ...options } = {}) => {
      const result = await client.callTool({ name, arguments: args }, undefined, {
        ...options,
        ...(onprogress && { onprogress: (step: { progress: number }) => onprogress(step.progress) }),
      });
      return firstText(result.content);
    },
    setLevel: async (level) => void (await client.setLoggingLevel(level)),
    subscribe: async (uri) => void (await client.subscribeResource({ uri })),
    unsubscribe: async (uri) => void (await client.unsubscribeResource({ uri })),
    complete: async (value) => {
      const argument = { name: 'language', value };
      const { completion } = await client.complete({ ref: { type: 'ref/prompt', name: 'review' }, argument });
      return completion.values;
    },
    read: async (uri) => {
      const { contents } = await client.readResource({ uri });
      return firstText(contents);
    },
    terminate: async () => {
      if (transport instanceof StreamableHTTPClientTransport) await transport.terminateSession();
    },
    close: () => {
      // The transport forgets some of its timers, and would come back for a while after its end.
      reconnectionOptions.maxRetries = 0;
      return client.close();
    },
    notifications,
    logs,
    errors,
  };
}
