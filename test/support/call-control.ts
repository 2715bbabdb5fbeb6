import { within } from './eventually.js';

/** A tool call in progress, in the hands of the test. */
export interface ControlledCall {
  sessionId: string | undefined;
  signal: AbortSignal;
  /** Sends a log message that belongs to the call. */
  say(text: string): Promise<void>;
  /** Ends the connection of the call's stream; absent where the client could not come back. */
  closeConnection?: () => void;
  /** Asks the user something, in the name of the call. */
  ask(message: string, timeoutMs?: number): Promise<string>;
  /** Answers the call. */
  finish(text: string): void;
}

/** Where the tool `controlled` of the scenario servers hands its calls to the test. */
export class CallControl {
  private readonly calls = new Map<string, ControlledCall[]>();
  private readonly waiting = new Map<string, (call: ControlledCall) => void>();

  /** The next call of this name, as soon as it has reached the server. */
  async started(name: string): Promise<ControlledCall> {
    const call = this.calls.get(name)?.shift();
    if (call) return call;
    return within(`call ${name}`, new Promise((resolve) => this.waiting.set(name, resolve)));
  }

  /** @returns what the test answers the call with */
  run(name: string, call: Omit<ControlledCall, 'finish'>): Promise<string> {
    return new Promise((resolve) => {
      const controlled = { ...call, finish: resolve };
      const waiting = this.waiting.get(name);
      this.waiting.delete(name);
      if (waiting) waiting(controlled);
      else this.calls.set(name, [...(this.calls.get(name) ?? []), controlled]);
    });
  }
}
