import { createHash } from 'node:crypto';
import type { OAuthClientInformation } from './oauth-types.interface.js';
import type { Session } from './sessions.interface.js';

/**
 * Gathers what an SDK says of an authorization that it begins, so that the session gets all of it at once: a client,
 * a verifier and a `state` of different authorizations cannot be used.
 */
export class OAuthAuthorizationDraft {
  private readonly verifiers = new Set<string>();
  private readonly clients = new Map<string, OAuthClientInformation>();

  addVerifier(codeVerifier: string): void {
    this.verifiers.add(codeVerifier);
  }

  addClient(client: OAuthClientInformation): void {
    this.clients.set(client.client_id, client);
  }

  /** The clients were refused. */
  forgetClients(): void {
    this.clients.clear();
  }

  /** Whether the session's client is one that the SDK was told of. */
  hasClientOf({ clientInformation }: Session): boolean {
    const client = clientInformation as OAuthClientInformation | null | undefined;
    return client ? this.clients.has(client.client_id) : false;
  }

  /** What the session is to keep of the authorization that begins at this URL. */
  complete({ href, searchParams }: URL): Partial<Session> {
    const state = searchParams.get('state');
    const client = this.clients.get(searchParams.get('client_id') ?? '');
    const challenge = searchParams.get('code_challenge');
    const codeVerifier = [...this.verifiers].find((verifier) => challengeOf(verifier) === challenge) ?? null;
    if (codeVerifier !== null) this.verifiers.delete(codeVerifier);
    return {
      status: 'pending',
      authUrl: href,
      oauthState: state === null ? null : { state },
      codeVerifier,
      ...(client && { clientInformation: client, clientId: client.client_id }),
    };
  }
}

/** RFC 7636, section 4.2: both SDKs use `S256`. */
function challengeOf(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url');
}
