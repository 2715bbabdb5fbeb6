import { completable } from '@modelcontextprotocol/sdk/server/completable.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import {
  CreateMessageResultSchema,
  ElicitResultSchema,
  EmptyResultSchema,
  ListRootsResultSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import type { CallControl } from './call-control.js';
import { ASK_SCHEMA, LANGUAGES, text } from './scenario-parts.js';

export function createServerV1(control: CallControl): McpServer {
  const server = new McpServer(
    { name: 'scenario-v1', version: '1.0.0' },
    { capabilities: { logging: {}, resources: { subscribe: true, listChanged: true } } },
  );
  const subscriptions = new Set<string>();

  server.registerTool('echo', { inputSchema: { text: z.string() } }, (args) => text(args.text));

  server.registerTool('steps', { inputSchema: { count: z.number() } }, async ({ count }, extra) => {
    const progressToken = extra._meta?.progressToken;
    for (let progress = 1; progress <= count && progressToken !== undefined; progress += 1) {
      await extra.sendNotification({
        method: 'notifications/progress',
        params: { progressToken, progress, total: count },
      });
    }
    // The SDKs' clients forget the progress handler as soon as the answer is there, even if progress came first.
    await extra.sendRequest({ method: 'ping' }, EmptyResultSchema);
    return text('stepped');
  });

  server.registerTool('ask', {}, async (extra) => {
    const params = { mode: 'form' as const, message: 'Who are you?', requestedSchema: ASK_SCHEMA };
    const answer = await extra.sendRequest({ method: 'elicitation/create', params }, ElicitResultSchema);
    return text({ action: answer.action, name: answer.content?.name });
  });

  server.registerTool('sample', {}, async (extra) => {
    const progress: number[] = [];
    const answer = await extra.sendRequest(
      {
        method: 'sampling/createMessage',
        params: { messages: [{ role: 'user', content: { type: 'text', text: 'Hello' } }], maxTokens: 10 },
      },
      CreateMessageResultSchema,
      { onprogress: (step) => progress.push(step.progress) },
    );
    return text({ said: answer.content.type === 'text' ? answer.content.text : undefined, progress });
  });

  server.registerTool('roots', {}, async (extra) => {
    const { roots } = await extra.sendRequest({ method: 'roots/list' }, ListRootsResultSchema);
    return text(roots.map((root) => root.uri));
  });

  server.registerTool('log', {}, async (extra) => {
    for (const level of ['debug', 'info', 'error'] as const) {
      await server.server.sendLoggingMessage({ level, data: `at ${level}` }, extra.sessionId);
    }
    return text('logged');
  });

  server.registerTool('whoami', {}, (extra) =>
    text({
      client: server.server.getClientVersion()?.name,
      capabilities: Object.keys(server.server.getClientCapabilities() ?? {}).sort(),
      subscriptions: [...subscriptions],
      header: extra.requestInfo?.headers['x-test'] ?? null,
      auth: extra.authInfo ?? null,
    }),
  );

  server.registerTool('controlled', { inputSchema: { name: z.string() } }, async ({ name }, extra) => {
    const answer = await control.run(name, {
      sessionId: extra.sessionId,
      signal: extra.signal,
      say: (data) =>
        extra.sendNotification({ method: 'notifications/message', params: { level: 'info', data } }),
      closeConnection: extra.closeSSEStream,
      ask: async (message, timeout) => {
        const params = { mode: 'form' as const, message, requestedSchema: ASK_SCHEMA };
        const request = { method: 'elicitation/create' as const, params };
        const { content } = await extra.sendRequest(request, ElicitResultSchema, { timeout });
        return String(content?.name);
      },
    });
    return text(answer);
  });

  server.registerResource('note', 'note://one', {}, (uri) => ({
    contents: [{ uri: uri.href, text: 'A note' }],
  }));
  server.server.setRequestHandler(SubscribeRequestSchema, ({ params }) => {
    subscriptions.add(params.uri);
    return {};
  });
  server.server.setRequestHandler(UnsubscribeRequestSchema, ({ params }) => {
    subscriptions.delete(params.uri);
    return {};
  });

  const language = completable(z.string(), (value) => LANGUAGES.filter((name) => name.startsWith(value)));
  server.registerPrompt('review', { argsSchema: { language } }, (args) => ({
    messages: [{ role: 'user', content: { type: 'text', text: `Review this ${args.language}` } }],
  }));
  return server;
}
