import { Logger } from '@nestjs/common';
import { logSafeId } from '../common/log-safe-id.js';
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
const TOO_MANY_SUBSCRIPTIONS = `a session has at most ${MAX_SUBSCRIPTIONS} subscriptions`;

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
  private readonly logger = new Logger(SessionChanges.name);

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
    if (runtime.isSubscribedTo(uri) || runtime.subscriptionCount < MAX_SUBSCRIPTIONS) return undefined;
    return `Invalid params: ${TOO_MANY_SUBSCRIPTIONS}`;
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
        await this.logLevelSet(runtime, params.level as LoggingLevel);
        break;
      case 'resources/subscribe':
        await this.subscribed(runtime, params.uri as string, true);
        break;
      case 'resources/unsubscribe':
        await this.subscribed(runtime, params.uri as string, false);
        break;
    }
  }

  private async logLevelSet(runtime: SessionRuntime, logLevel: LoggingLevel): Promise<void> {
    await this.store.update(runtime.sessionId, { logLevel });
    const isInStep = runtime.noteLogLevel(logLevel);
    await this.signals.send(runtime.sessionId, { type: 'changed' });
    if (!isInStep) this.bringInStep(runtime);
  }

  private async subscribed(runtime: SessionRuntime, uri: string, isSubscribed: boolean): Promise<void> {
    const { sessionId } = runtime;
    runtime.noteSubscription(uri, isSubscribed);
    let isInStep = false;
    try {
      const metadata = await this.store.modify(sessionId, ({ subscriptions = [] }) => ({
        subscriptions: withSubscription(subscriptions, uri, isSubscribed),
      }));
      await this.signals.send(sessionId, { type: 'changed', subscriptions: true });
      isInStep = !metadata || runtime.isInStepWith(metadata);
    } finally {
      this.subscribers.changed(sessionId);
      // The server object has it already. What the store has may be something else: it failed, or others were there first.
      if (!isInStep) this.bringInStep(runtime);
    }
  }

  /** Not waited for: the server object gives its answers in turn, and is at one now. */
  private bringInStep(runtime: SessionRuntime): void {
    runtime
      .bringInStep(() => this.store.get(runtime.sessionId))
      .catch((error: unknown) => {
        this.logger.error(`Session ${logSafeId(runtime.sessionId)} could not be brought up to date`, error);
      });
  }
}

/** All subscriptions, with this one added or removed. */
function withSubscription(subscriptions: string[], uri: string, isSubscribed: boolean): string[] {
  const others = subscriptions.filter((other) => other !== uri);
  if (!isSubscribed) return others;
  if (others.length >= MAX_SUBSCRIPTIONS) throw new Error(TOO_MANY_SUBSCRIPTIONS);
  return [...others, uri];
}
