import type { OnApplicationBootstrap } from '@nestjs/common';
import type { ConfigService } from '@nestjs/config';
import { InvalidConfigurationError } from '../common/errors.js';

/** Reads variables through the application's `ConfigService`. */
export class VariableReader implements OnApplicationBootstrap {
  private readonly answers = new Map<string, string | undefined>();

  constructor(private readonly config: ConfigService) {}

  /** A variable's value, or `undefined`. */
  readonly read = (variable: string): string | undefined => {
    const value = this.valueOf(variable);
    this.answers.set(variable, value);
    return value;
  };

  /**
   * Nest does not wait for what an application loads asynchronously before it makes this module. Going on without a
   * variable could mean to store credentials in the clear.
   *
   * @throws InvalidConfigurationError a variable has another value than when it was read
   */
  onApplicationBootstrap(): void {
    for (const [variable, answer] of this.answers) {
      if (this.valueOf(variable) === answer) continue;
      throw new InvalidConfigurationError(
        `${variable} came to ConfigService after McpSessionsModule had read it: load it before the application is ` +
          'made, instead of with an asynchronous factory.',
      );
    }
  }

  private valueOf(variable: string): string | undefined {
    const value = this.config.get<unknown>(variable) ?? undefined;
    if (typeof value === 'string' || value === undefined) return value;
    // Schemas and factories make numbers of what was text in the environment.
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    throw new InvalidConfigurationError(`${variable} must be text; in ConfigService it is an object.`);
  }
}
