/** What the tests use of oidc-provider, which comes without types. */
declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http';

  interface Token {
    accountId?: string;
    grantId?: string;
    destroy(): Promise<void>;
  }

  interface TokenClass {
    find(token: string): Promise<Token | undefined>;
    adapter: { destroy(id: string): Promise<void> };
  }

  interface Grant {
    addOIDCScope(scope: string): void;
    addResourceScope(resource: string, scope: string): void;
    save(): Promise<string>;
  }

  interface Context {
    oidc: {
      provider: Provider;
      params?: Record<string, unknown>;
      session?: { accountId?: string };
      client?: { clientId: string };
    };
  }

  export interface Configuration {
    [option: string]: unknown;
    findAccount?: (context: Context, accountId: string) => unknown;
    interactions?: { policy: object; url: (context: Context, interaction: { uid: string }) => string };
    loadExistingGrant?: (context: Context) => Promise<Grant>;
  }

  export const interactionPolicy: { base(): { remove(prompt: string): void } };

  export class Provider {
    constructor(issuer: string, configuration: Configuration);
    readonly AccessToken: TokenClass;
    readonly RefreshToken: TokenClass;
    readonly Grant: TokenClass & { new (of: { accountId: string; clientId: string }): Grant };
    callback(): (request: IncomingMessage, response: ServerResponse) => unknown;
    interactionFinished(request: IncomingMessage, response: ServerResponse, result: object): Promise<void>;
    on(event: string, listener: (context: Context, error: { error: string }) => void): void;
  }
}
