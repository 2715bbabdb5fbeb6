import { completable, McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { CallControl } from './call-control.js';
import { ASK_SCHEMA, LANGUAGES, text } from './scenario-parts.js';

export function createServerV2(control: CallControl): McpServer {
  const server = new McpServer(
    { name: 'scenario-v2', version: '1.0.0' },
    { capabilities: { logging: {}, resources: { subscribe: true, listChanged: true } } },
  );
  const subscriptions = new Set<string>();

  server.registerTool('echo', { inputSchema: z.object({ text: z.string() }) }, (args) => text(args.text));

  server.registerTool('steps', { inputSchema: z.object({ count: z.number() }) }, async ({ count }, ctx) => {
    const progressToken = ctx.mcpReq._meta?.progressToken;
    for (let progress = 1; progress <= count && progressToken !== undefined; progress += 1) {
      await ctx.mcpReq.notify({
        method: 'notifications/progress',
        params: { progressToken, progress, total: count },
      });
    }
    // The SDKs' clients forget the progress handler as soon as the answer is there, even if progress came first.
    await ctx.mcpReq.send({ method: 'ping' });
    return text('stepped');
  });

  server.registerTool('ask', {}, async (ctx) => {
    const answer = await ctx.mcpReq.elicitInput({ message: 'Who are you?', requestedSchema: ASK_SCHEMA });
    return text({ action: answer.action, name: answer.content?.name });
  });

  server.registerTool('sample', {}, async (ctx) => {
    const progress: number[] = [];
    const answer = await ctx.mcpReq.requestSampling(
      { messages: [{ role: 'user', content: { type: 'text', text: 'Hello' } }], maxTokens: 10 },
      { onprogress: (step) => progress.push(step.progress) },
    );
    const block = Array.isArray(answer.content) ? answer.content[0] : answer.content;
    return text({ said: block?.type === 'text' ? block.text : undefined, progress });
  });

  server.registerTool('roots', {}, async (ctx) => {
    const { roots } = await ctx.mcpReq.send({ method: 'roots/list' });
    return text(roots.map((root) => root.uri));
  });

  server.registerTool('log', {}, async (ctx) => {
    for (const level of ['debug', 'info', 'error'] as const) {
      await server.server.sendLoggingMessage({ level, data: `at ${level}` }, ctx.sessionId);
    }
    return text('logged');
  });

  server.registerTool('whoami', {}, (ctx) =>
    text({
      client: server.server.getClientVersion()?.name,
      capabilities: Object.keys(server.server.getClientCapabilities() ?? {}).sort(),
      subscriptions: [...subscriptions],
      header: ctx.http?.req?.headers.get('x-test') ?? null,
      auth: ctx.http?.authInfo ?? null,
    }),
  );

  server.registerTool(
    'controlled',
    { inputSchema: z.object({ name: z.string() }) },
    async ({ name }, ctx) => {
      const answer = await control.run(name, {
        sessionId: ctx.sessionId,
        signal: ctx.mcpReq.signal,
        say: (data) =>
          ctx.mcpReq.notify({ method: 'notifications/message', params: { level: 'info', data } }),
        closeConnection: ctx.http?.closeSSE,
        ask: async (message, timeout) => {
          // On the call's own stream, where `elicitInput` would send it on the session's main stream.
          const params = { message, requestedSchema: ASK_SCHEMA };
          const { content } = await ctx.mcpReq.send({ method: 'elicitation/create', params }, { timeout });
          return String(content?.name);
        },
      });
      return text(answer);
    },
  );

  server.registerResource('note', 'note://one', {}, (uri) => ({
    contents: [{ uri: uri.href, text: 'A note' }],
  }));
  server.server.setRequestHandler('resources/subscribe', ({ params }) => {
    subscriptions.add(params.uri);
    return {};
  });
  server.server.setRequestHandler('resources/unsubscribe', ({ params }) => {
    subscriptions.delete(params.uri);
    return {};
  });

  const language = completable(z.string(), (value) => LANGUAGES.filter((name) => name.startsWith(value)));
  server.registerPrompt('review', { argsSchema: z.object({ language }) }, (args) => ({
    messages: [{ role: 'user', content: { type: 'text', text: `Review this ${args.language}` } }],
  }));
  return server;
}
