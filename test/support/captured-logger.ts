import { inspect } from 'node:util';
import type { LoggerService } from '@nestjs/common';

/** Nest's own logger prints this deep. */
const DEPTH = 5;

/** Keeps what Nest would have printed, stacks and all. */
export class CapturedLogger implements LoggerService {
  readonly lines: string[] = [];
  readonly errors: string[] = [];
  readonly warnings: string[] = [];

  log = (...parts: unknown[]): void => this.keep(parts);
  warn = (...parts: unknown[]): void => {
    this.keep(parts);
    this.warnings.push(this.lines.at(-1)!);
  };
  debug = (...parts: unknown[]): void => this.keep(parts);
  verbose = (...parts: unknown[]): void => this.keep(parts);
  fatal = (...parts: unknown[]): void => this.error(...parts);
  error = (...parts: unknown[]): void => {
    this.keep(parts);
    this.errors.push(this.lines.at(-1)!);
  };

  private keep(parts: unknown[]): void {
    this.lines.push(
      parts.map((part) => (typeof part === 'string' ? part : inspect(part, { depth: DEPTH }))).join(' '),
    );
  }
}
