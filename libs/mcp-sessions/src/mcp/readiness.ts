import { unavailable } from './mcp-request.errors.js';

/** Whether this instance takes new requests. Turns false for good when the application begins to shut down. */
export class Readiness {
  private draining = false;

  get isReady(): boolean {
    return !this.draining;
  }

  drain(): void {
    this.draining = true;
  }

  /** @throws McpRequestError the instance is shutting down */
  assertReady(): void {
    if (this.draining) throw unavailable('The server is shutting down');
  }
}
