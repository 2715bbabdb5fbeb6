import { Logger } from '@nestjs/common';
import { messageFrame } from '../streams/sse-frame.js';
import { StreamManagerUnavailableError } from '../streams/stream-manager.errors.js';
import type { ResumableStreamManager, StreamRef } from '../streams/stream-manager.interface.js';
import { lostResponse } from './json-rpc.js';
import type { JsonRpcMessage } from './mcp-server.interface.js';

/** Settings of {@link AnswerBacklog}. */
export interface AnswerBacklogConfig {
  /** The pause before what waits is tried again doubles from the first to the longest, in milliseconds. */
  firstPauseMs: number;
  longestPauseMs: number;
  /** How long an answer may wait, in milliseconds. */
  keepMs: number;
  /** The most characters of one answer that waits, and of all. */
  maxAnswerChars: number;
  maxChars: number;
}

const DEFAULTS: AnswerBacklogConfig = {
  firstPauseMs: 250,
  longestPauseMs: 5_000,
  // As long as stream managers keep events, unless they are told otherwise: after that no client counts on it.
  keepMs: 600_000,
  maxAnswerChars: 4 * 1024 * 1024,
  maxChars: 32 * 1024 * 1024,
};

/** What an answer that waits costs beside its text, in characters. */
const OVERHEAD_CHARS = 256;

/** What is to be put on a stream. */
export interface Answer {
  stream: StreamRef;
  /** The response; `undefined` if the stream is only to end. */
  message: JsonRpcMessage | undefined;
  /** Whether the stream ends behind it. */
  last: boolean;
  /** Called when it is given up: the client has to see that. */
  onLost?: () => void;
}

interface WaitingAnswer extends Answer {
  frame: string;
  until: number;
}

/**
 * Puts answers on their streams. What the stream manager does not take, as while Redis is away, waits here and is tried
 * again: a client that resumes would wait for ever for an answer that was simply dropped.
 */
export class AnswerBacklog {
  /** Answers that never came to their streams. */
  lost = 0;
  private readonly logger = new Logger('McpSessions');
  private readonly config: AnswerBacklogConfig;
  /** What waits for each stream, in order. */
  private readonly waiting = new Map<string, WaitingAnswer[]>();
  private chars = 0;
  private pauseMs = 0;
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;

  constructor(
    private readonly streams: ResumableStreamManager,
    config: Partial<AnswerBacklogConfig> = {},
  ) {
    this.config = { ...DEFAULTS, ...config };
  }

  /** Ids of the sessions whose answers wait. */
  sessionIds(): string[] {
    return Array.from(this.waiting.values(), ([first]) => first!.stream.sessionId);
  }

  has(sessionId: string): boolean {
    return this.waiting.size > 0 && this.sessionIds().includes(sessionId);
  }

  /**
   * Resolves when the answer is on its stream, or waits for that. Whoever has several for one stream waits for each.
   *
   * @throws StreamManagerUnavailableError it is lost: too much waits already, or the application shuts down
   */
  async put(answer: Answer): Promise<void> {
    const { stream, message, last } = answer;
    const frame = message ? messageFrame(message) : '';
    let failure: unknown;
    if (this.waiting.size === 0 || !this.waiting.has(nameOf(stream))) {
      try {
        await this.streams.append(stream, frame, { last });
        return;
      } catch (error) {
        failure = error;
      }
    }
    failure ??= new StreamManagerUnavailableError('Too many answers wait for their streams');
    if (!this.keeps({ ...answer, frame, until: 0 }, failure)) throw failure;
  }

  /** Forgets what waits for a session that has ended. */
  forget(sessionId: string): void {
    for (const answer of this.all()) if (answer.stream.sessionId === sessionId) this.remove(answer);
  }

  /** Nothing is tried again from now on: what waits is lost. */
  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
    this.lose(this.all(), 'the application shuts down');
  }

  /** @returns whether the answer waits from now on */
  private keeps(answer: WaitingAnswer, failure: unknown): boolean {
    const { maxAnswerChars, maxChars, keepMs, firstPauseMs } = this.config;
    const isTooMuch = (): boolean => this.chars + costOf(answer) > maxChars;
    if (this.isStopped) return this.lose([answer], 'the application shuts down');
    if (answer.message && (answer.frame.length > maxAnswerChars || isTooMuch())) {
      // There is room for saying so.
      answer.frame = messageFrame(lostResponse(answer.message.id!));
      if (!isTooMuch()) this.report(1, 'too much waits');
    }
    if (isTooMuch()) return this.lose([answer], 'too much waits');
    if (this.waiting.size === 0) {
      this.logger.error(
        'An answer cannot be put on its stream: it waits, as others will, and is tried again',
        failure,
      );
    }
    answer.until = Date.now() + keepMs;
    this.chars += costOf(answer);
    const name = nameOf(answer.stream);
    const others = this.waiting.get(name);
    if (others) others.push(answer);
    else this.waiting.set(name, [answer]);
    if (!this.timer) this.tryLater(firstPauseMs);
    return true;
  }

  private tryLater(pauseMs: number): void {
    this.pauseMs = Math.min(pauseMs, this.config.longestPauseMs);
    this.timer = setTimeout(() => void this.tryAgain(), this.pauseMs).unref();
  }

  /** Tries one after another, until one fails. */
  private async tryAgain(): Promise<void> {
    const now = Date.now();
    this.lose(
      this.all().filter(({ until }) => until <= now),
      'it waited too long',
    );
    let isTaken = true;
    while (isTaken && this.waiting.size > 0) {
      const [name, answers] = this.waiting.entries().next().value!;
      const answer = answers[0]!;
      isTaken = await this.isTaken(answer);
      if (isTaken) this.remove(answer);
      // Next time another stream comes first: it may be this one alone that fails.
      else if (this.waiting.delete(name)) this.waiting.set(name, answers);
    }
    this.timer = undefined;
    if (this.isStopped) return;
    if (this.waiting.size > 0) this.tryLater(this.pauseMs * 2);
    else this.logger.log('No answer waits for its stream any more');
  }

  private async isTaken(answer: WaitingAnswer): Promise<boolean> {
    const { stream, frame, last } = answer;
    try {
      // It may be there all the same, if it was only the stream manager's word that was lost.
      if (frame !== '' && (await this.streams.hasEvent?.(stream, frame))) return true;
      // Its session may have ended meanwhile.
      if (this.isWaiting(answer)) await this.streams.append(stream, frame, { last });
      return true;
    } catch {
      return false; // The first failure has been logged; the end of them will be.
    }
  }

  private isWaiting(answer: WaitingAnswer): boolean {
    return this.waiting.get(nameOf(answer.stream))?.includes(answer) ?? false;
  }

  private remove(answer: WaitingAnswer): void {
    const name = nameOf(answer.stream);
    const answers = this.waiting.get(name);
    const index = answers?.indexOf(answer) ?? -1;
    if (!answers || index < 0) return;
    answers.splice(index, 1);
    this.chars -= costOf(answer);
    if (answers.length === 0) this.waiting.delete(name);
  }

  /** @returns `false`: they do not wait */
  private lose(answers: WaitingAnswer[], reason: string): false {
    if (answers.length > 0) this.report(answers.length, reason);
    for (const answer of answers) {
      this.remove(answer);
      answer.onLost?.();
    }
    return false;
  }

  private report(count: number, reason: string): void {
    this.lost += count;
    this.logger.error(
      `Answers were lost before they came to their streams: ${count}, ${this.lost} in all; ${reason}`,
    );
  }

  private all(): WaitingAnswer[] {
    return [...this.waiting.values()].flat();
  }
}

function nameOf({ sessionId, key }: StreamRef): string {
  return `${sessionId} ${key}`;
}

function costOf({ frame }: WaitingAnswer): number {
  return OVERHEAD_CHARS + frame.length;
}
