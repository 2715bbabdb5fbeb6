import type { McpServerFactory } from 'nestjs-mcp-sessions';
import { CallControl } from './call-control.js';
import { createServerV1 } from './scenario-server-v1.js';
import { createServerV2 } from './scenario-server-v2.js';

/** What the test knows of the server objects that a scenario has made. */
export interface Scenario {
  control: CallControl;
  /** Server objects made so far. */
  made: number;
  factory: McpServerFactory;
}

export type ServerSdk = 'v1' | 'v2';

/**
 * A server with the same tools, resource and prompt on either SDK: `echo`, `steps` (progress), `ask` (elicitation),
 * `sample`, `roots`, `log`, `whoami` (what the server object knows of the client) and `controlled`.
 */
export function createScenario(sdk: ServerSdk): Scenario {
  const scenario: Scenario = {
    control: new CallControl(),
    made: 0,
    factory: () => {
      scenario.made += 1;
      return sdk === 'v1' ? createServerV1(scenario.control) : createServerV2(scenario.control);
    },
  };
  return scenario;
}
