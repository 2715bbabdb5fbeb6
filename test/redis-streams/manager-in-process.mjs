// A stream manager in a process of its own, on the built library. `SETTINGS` has its configuration, as JSON.
import { RedisStreamManager } from '../../libs/mcp-sessions/dist/streams/redis-stream-manager.js';
import { RecordingConnection } from '../../libs/mcp-sessions/dist/testing/recording-connection.js';
import { makeClient } from './process-clients.mjs';

const { pubSubUrl, sentinel, cluster, client, url, ...config } = JSON.parse(process.env.SETTINGS);
const where = { sentinel, cluster, client, commandTimeoutMs: config.commandTimeoutMs };
const manager = new RedisStreamManager({
  ...config,
  client: await makeClient({ ...where, url }),
  pubSubClient: await makeClient({ ...where, url: pubSubUrl ?? url }),
});

const connections = new Map();
const answers = [];
manager.onForwardedResponse((message, sessionId) => answers.push([message, sessionId]));
const signals = [];
let signalsMissed = 0;
manager.onSignal((sessionId, value) => signals.push([sessionId, value]));
manager.onSignalsMissed(() => (signalsMissed += 1));

const frame = (data) => `event: message\ndata: ${data}\n\n`;

const methods = {
  start: () => manager.start(),
  /** Opens a stream; from then on the connection goes by this name. */
  async open(name, ref, after) {
    const connection = new RecordingConnection();
    connections.set(name, connection);
    await manager.open(ref, connection, after ? { after } : {});
  },
  read(name) {
    const { closed, content } = connections.get(name);
    return { closed, ...content, data: content.events.map(({ data }) => data) };
  },
  append: (ref, data, options) => manager.append(ref, frame(data), options ?? {}),
  send: (sessionIds, data) => manager.send(sessionIds ?? undefined, frame(data)),
  /** Sends one after the other, and goes on when one fails. Answers with those of which it is certain. */
  async sendEach(sessionIds, data, pauseMs = 0) {
    const sent = [];
    for (const text of data) {
      await methods.send(sessionIds, text).then(
        () => sent.push(text),
        () => undefined,
      );
      if (pauseMs) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    return sent;
  },
  has: (sessionId) => manager.has(sessionId),
  delete: (sessionId) => manager.delete(sessionId),
  position: (ref) => manager.position(ref),
  release: (ref, name) => manager.release(ref, name ? connections.get(name) : undefined),
  register: (requestId, sessionId) => manager.registerOutboundRequest(requestId, sessionId),
  forward: (message, sessionId) => manager.forwardInboundResponse(message, sessionId),
  answers: () => answers,
  signal: (sessionId, value) => manager.signal(sessionId, value),
  /** What other instances have signalled about the session. */
  signals: (sessionId) => signals.filter(([id]) => id === sessionId).map(([, value]) => value),
  signalsMissed: () => signalsMissed,
  eventsLost: () => manager.eventsLost,
  localSize: () => manager.localSize,
  close: () => manager.close(),
};

const unexpected = (error) => process.send({ unexpected: String(error?.stack ?? error) });
process.on('unhandledRejection', unexpected).on('uncaughtException', unexpected);
async function answer({ id, method, args }) {
  try {
    process.send({ id, result: await methods[method](...args) });
  } catch (error) {
    process.send({ id, error: { code: error.code, message: error.message } });
  }
}
process.on('message', (call) => void answer(call));
process.on('disconnect', () => process.exit(3));
process.send({ isReady: true });
