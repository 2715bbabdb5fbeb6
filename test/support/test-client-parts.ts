export type ClientSdk = 'v1' | 'v2';
export type Wire = 'Streamable HTTP' | 'HTTP+SSE';

export interface TestClientOptions {
  /** How the user answers an elicitation. */
  answer?: () => Promise<string> | string;
  headers?: Record<string, string>;
  /** SDK v2: ask with `server/discover` first. */
  negotiate?: boolean;
}

/** A client of either SDK, in the words of the tests. */
export interface TestClient {
  sessionId(): string | undefined;
  call(name: string, args?: Record<string, unknown>, options?: CallOptions): Promise<string>;
  setLevel(level: 'debug' | 'info' | 'error'): Promise<void>;
  subscribe(uri: string): Promise<void>;
  unsubscribe(uri: string): Promise<void>;
  complete(value: string): Promise<string[]>;
  read(uri: string): Promise<string>;
  terminate(): Promise<void>;
  close(): Promise<void>;
  /** Notifications other than progress, as they came. */
  readonly notifications: { method: string; params?: Record<string, unknown> }[];
  /** What log messages said. */
  readonly logs: unknown[];
  readonly errors: Error[];
}

export interface CallOptions {
  onprogress?: (progress: number) => void;
  signal?: AbortSignal;
  timeout?: number;
}

export const CAPABILITIES = { elicitation: {}, sampling: {}, roots: { listChanged: true } };
export const ROOTS = [{ uri: 'file:///home', name: 'home' }];
/** Tests do not wait for a client's patience. */
export const RECONNECTION = {
  initialReconnectionDelay: 20,
  maxReconnectionDelay: 200,
  reconnectionDelayGrowFactor: 1.5,
  maxRetries: 5,
};

export function firstText(content: unknown): string {
  const [block] = content as { type: string; text?: string }[];
  return block?.text ?? '';
}
