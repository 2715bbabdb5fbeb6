import type { OAuthRefreshTurn } from './oauth-refresh-turn.js';
import { ANSWER_WITHIN_MS, FINAL_REFUSALS } from './oauth-token-request.js';
import { currentTokens, hasExpired, type StoredTokens } from './oauth-tokens.js';

/** A refresh request of an SDK: the refresh token that the SDK has for it, and the tokens that the session has. */
interface SdkRefresh {
  presented: string | null;
  stored: StoredTokens;
}

/**
 * Carries the refresh requests of an SDK, if its transport sends with this `fetch`: answers them with the tokens of
 * the session where these are newer than what was rejected, and tells the turn when a request has failed.
 */
export class OAuthRefreshCarrier {
  private readonly refreshes = new WeakMap<object, SdkRefresh>();
  /** The access token that a server has rejected last. */
  private rejected: string | undefined;

  constructor(
    private readonly turn: OAuthRefreshTurn,
    private readonly options: { fetch?: typeof fetch; now: () => number },
  ) {}

  /** Announces the body of a refresh request, whose turn has begun. */
  expect(params: URLSearchParams, refresh: SdkRefresh): void {
    this.refreshes.set(params, refresh);
  }

  async fetch(url: string | URL, init: RequestInit = {}): Promise<Response> {
    const refresh = init.body instanceof URLSearchParams ? this.refreshes.get(init.body) : undefined;
    if (refresh) return this.carry(refresh, url, init);
    const response = await this.send(url, init);
    if (response.status === 401 || response.status === 403) this.rejected = bearerOf(init) ?? this.rejected;
    return response;
  }

  private async carry(refresh: SdkRefresh, url: string | URL, init: RequestInit): Promise<Response> {
    // The SDK saves what it is answered, and ends the turn with that.
    if (this.isNewer(refresh)) return Response.json(currentTokens(refresh.stored, this.options.now()));
    try {
      // The turn must not end before the request has.
      const signals = [AbortSignal.timeout(ANSWER_WITHIN_MS), ...(init.signal ? [init.signal] : [])];
      const response = await this.send(url, { ...init, signal: AbortSignal.any(signals) });
      const problem = await problemOf(response);
      if (problem !== undefined) this.turn.fail(new Error(problem));
      return response;
    } catch (error) {
      this.turn.fail(error);
      throw error;
    }
  }

  private isNewer({ presented, stored }: SdkRefresh): boolean {
    if (hasExpired(stored, this.options.now())) return false;
    if (this.rejected !== undefined) return stored.access_token !== this.rejected;
    return stored.refresh_token !== presented;
  }

  private send(url: string | URL, init: RequestInit): Promise<Response> {
    return (this.options.fetch ?? fetch)(url, init);
  }
}

function bearerOf({ headers }: RequestInit): string | undefined {
  return /^Bearer (.+)$/i.exec(new Headers(headers).get('authorization') ?? '')?.[1];
}

/** Why this is neither tokens nor a final refusal, both of which an SDK tells its provider, nor a redirect. */
async function problemOf(response: Response): Promise<string | undefined> {
  if (response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400))
    return undefined;
  const body: unknown = await response
    .clone()
    .json()
    .catch(() => undefined);
  const { access_token, error } = (body ?? {}) as { access_token?: unknown; error?: unknown };
  if (access_token !== undefined || FINAL_REFUSALS.includes(String(error))) return undefined;
  return `The authorization server has answered ${response.status}, with error ${String(error)}`;
}
