import type {
  CompleteSessionStore,
  LoggingLevel,
  SessionMetadata,
} from '../session-store/session-store.interface.js';
import type { InstanceSignals } from './instance-signals.js';
import { isErrorResponse, type JsonRpcRequest } from './json-rpc.js';
import type { JsonRpcMessage } from './mcp-server.interface.js';
import type { ResourceSubscribers } from './resource-subscribers.js';
import type { SessionRuntime } from './session-runtime.js';

/** Characters of JSON that a client may say about itself in `initialize`. */
const MAX_HANDSHAKE_CHARS = 64 * 1024;
/** Resources that one session may subscribe to, and the characters of each one's URI. */
const MAX_SUBSCRIPTIONS = 1_000;
const MAX_URI_CHARS = 2_048;

/** Why an `initialize` cannot be taken: everything it says about the client is kept. `undefined` if it can. */
export function handshakeRefusal({ params }: JsonRpcRequest): string | undefined {
  const size = JSON.stringify([params?.capabilities, params?.clientInfo]).length;
  if (size <= MAX_HANDSHAKE_CHARS) return undefined;
  return `Invalid params: capabilities and clientInfo are larger than ${MAX_HANDSHAKE_CHARS} characters`;
}

/** What `initialize` settled. */
export function negotiated(request: JsonRpcRequest, answer: JsonRpcMessage): Partial<SessionMetadata> {
  const { capabilities, clientInfo } = (request.params ?? {}) as {
    capabilities?: Record<string, unknown>;
    clientInfo?: SessionMetadata['clientInfo'];
  };
  const { protocolVersion } = answer.result as { protocolVersion?: string };
  return { clientCapabilities: capabilities, clientInfo, protocolVersion };
}

/** Keeps in the store what clients change about their sessions. */
export class SessionChanges {
  constructor(
    private readonly store: CompleteSessionStore,
    private readonly subscribers: ResourceSubscribers,
    private readonly signals: InstanceSignals,
  ) {}

  /** Why a request cannot be taken: what it asks to be kept is too large. `undefined` if it can. */
  refusal(runtime: SessionRuntime, request: JsonRpcRequest): string | undefined {
    if (request.method === 'initialize') return handshakeRefusal(request);
    if (request.method !== 'resources/subscribe') return undefined;
    const uri = String(request.params?.uri);
    if (uri.length > MAX_URI_CHARS)
      return `Invalid params: the URI is longer than ${MAX_URI_CHARS} characters`;
    if (runtime.withSubscription(uri, true).length <= MAX_SUBSCRIPTIONS) return undefined;
    return `Invalid params: a session has at most ${MAX_SUBSCRIPTIONS} subscriptions`;
  }

  /** Stores what an answer to the client changes about the session, before the client has the answer. */
  async answered(runtime: SessionRuntime, request: JsonRpcRequest, answer: JsonRpcMessage): Promise<void> {
    if (isErrorResponse(answer)) return;
    const { params = {} } = request;
    switch (request.method) {
      case 'initialize':
        await this.store.update(runtime.sessionId, negotiated(request, answer));
        break;
      case 'logging/setLevel':
        await this.store.update(runtime.sessionId, { logLevel: params.level as LoggingLevel });
        runtime.noteLogLevel(params.level as LoggingLevel);
        await this.signals.send(runtime.sessionId, { type: 'changed' });
        break;
      case 'resources/subscribe':
        await this.subscribed(runtime, runtime.withSubscription(params.uri as string, true));
        break;
      case 'resources/unsubscribe':
        await this.subscribed(runtime, runtime.withSubscription(params.uri as string, false));
        break;
    }
  }

  private async subscribed(runtime: SessionRuntime, subscriptions: string[]): Promise<void> {
    await this.store.update(runtime.sessionId, { subscriptions });
    runtime.noteSubscriptions(subscriptions);
    this.subscribers.set(runtime.sessionId, subscriptions);
    await this.signals.send(runtime.sessionId, { type: 'changed', subscriptions });
  }
}
