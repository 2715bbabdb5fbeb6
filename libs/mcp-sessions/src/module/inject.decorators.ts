import { Inject } from '@nestjs/common';
import {
  getMcpSessionsHealthToken,
  getMcpSessionsToken,
  getSessionsToken,
  getSessionStoreToken,
  getStreamManagerToken,
} from './mcp-sessions.constants.js';

type InjectDecorator = PropertyDecorator & ParameterDecorator;

/** Injects the `SessionStore` of a registration; without a name, of the unnamed one. */
export const InjectSessionStore = (name?: string): InjectDecorator => Inject(getSessionStoreToken(name));

/** Injects the `StreamManager` of a registration; without a name, of the unnamed one. */
export const InjectStreamManager = (name?: string): InjectDecorator => Inject(getStreamManagerToken(name));

/** Injects the `sessions` repository of a registration; without a name, of the unnamed one. */
export const InjectSessions = (name?: string): InjectDecorator => Inject(getSessionsToken(name));

/** Injects the `McpSessions` of a registration; without a name, of the unnamed one. */
export const InjectMcpSessions = (name?: string): InjectDecorator => Inject(getMcpSessionsToken(name));

/** Injects the `McpSessionsHealth` of a registration; without a name, of the unnamed one. */
export const InjectMcpSessionsHealth = (name?: string): InjectDecorator =>
  Inject(getMcpSessionsHealthToken(name));
