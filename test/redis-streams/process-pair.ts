import { expect } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { ManagerProcess } from './manager-process.js';

/** The SSE comment that tells a client of a loss, without its colon. */
export const EVENTS_LOST = 'events-lost';

/** Two instances, each a process: one sends, the other holds the streams. */
export class ProcessPair {
  private checks = 0;

  private constructor(
    readonly sender: ManagerProcess,
    readonly holder: ManagerProcess,
  ) {}

  /** @param settings as of `ManagerProcess.start`, of both */
  static async start(settings: object): Promise<ProcessPair> {
    const start = (): Promise<ManagerProcess> =>
      ManagerProcess.start({ heartbeatInterval: 0.3, commandTimeoutMs: 1_500, ...settings });
    return new ProcessPair(...(await Promise.all([start(), start()])));
  }

  /** Errors that nobody in the processes handled. */
  get unexpected(): string[] {
    return [...this.sender.unexpected, ...this.holder.unexpected];
  }

  /** The holder's stream is known everywhere, and what is sent anywhere arrives there. */
  async expectWhole(sessionId: string, name = sessionId): Promise<void> {
    const { sender, holder } = this;
    await eventually('the stream to be known', async () => {
      const known = await Promise.all([sender.has(sessionId), holder.has(sessionId)]).catch(() => []);
      return known.length > 0 && known.every(Boolean);
    });
    this.checks += 1;
    const [own, all, holders] = ['own', 'for all', "the holder's"].map((kind) => `${kind} ${this.checks}`);
    await sender.send([sessionId], own!);
    await sender.send(null, all!);
    await holder.send([sessionId], holders!);
    const received = async (): Promise<string[]> => {
      const { data } = await holder.read(name);
      return data.filter((text) => [own, all, holders].includes(text));
    };
    await eventually('the events', async () => (await received()).length >= 3, 15_000).catch(() => undefined);
    // A broadcast may overtake an event that the holder had to read from the log.
    expect((await received()).filter((text) => text !== all)).toEqual([own, holders]);
    expect(await received()).toHaveLength(3);
    expect((await holder.read(name)).closed).toBe(false);
  }

  async kill(): Promise<void> {
    await Promise.all([this.sender.kill(), this.holder.kill()]);
  }
}

export function mainOf(sessionId: string): { sessionId: string; key: string } {
  return { sessionId, key: 'main' };
}

/** `1`, `2`, …, each behind the prefix. */
export function numbers(count: number, prefix = ''): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index + 1}`);
}
