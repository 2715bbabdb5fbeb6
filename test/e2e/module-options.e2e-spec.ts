import { describe, expect, it } from '@jest/globals';
import {
  InMemorySessionStore,
  InvalidConfigurationError,
  McpSessionsModule,
  type McpSessionsOptions,
} from 'nestjs-mcp-sessions';
import { startWith } from '../support/start-app.js';

const memory = { store: 'memory', stream: 'memory' } as const;
const refusalOf = async (options: object): Promise<Error> => {
  const module = McpSessionsModule.forRoot({ ...memory, ...options } as McpSessionsOptions);
  return startWith([module]).then(
    () => Promise.reject(new Error('It started')),
    (error: Error) => error,
  );
};

const STORES =
  'must be "memory", "file" or "redis", settings with one of these as `type`, or an object with the methods get, set, ' +
  'delete, has and keys';
const STREAMS =
  'must be "memory" or "redis", settings with one of these as `type`, or an object with the methods create, send, ' +
  'delete and has';
const noop = () => Promise.resolve();

describe('a wrong option is refused with what is allowed', () => {
  it.each<[object, string]>([
    [{ store: 'mem' }, `store: ${STORES}; it is "mem"`],
    [{ store: { type: 'postgres' } }, `store: ${STORES}; it is of type "postgres"`],
    [{ store: null }, `store: ${STORES}; it is null`],
    [{ store: {} }, `store: ${STORES}; it is an object without them`],
    [{ store: InMemorySessionStore }, `store: ${STORES}; it is a class or function`],
    [
      { store: { get: noop, set: noop, delete: noop } },
      'store: lacks has and keys: it must have the methods get, set, delete, has and keys',
    ],
    [
      { store: { type: 'mongo', get: noop, set: noop, delete: noop, has: noop } },
      'store: lacks keys: it must',
    ],
    [
      { store: { type: 'file', file: 'x' } },
      'store: unknown "file"; there are type, path, debounceMs and maxAgeMs',
    ],
    [
      { store: { type: 'redis', url: 'http://:secret@127.0.0.1' } },
      'store.url: must be a URL that begins with redis:// or rediss://',
    ],
    [{ stream: 'file' }, `stream: ${STREAMS}; it is "file"`],
    [
      { stream: { type: 'redis', url: 'localhost' } },
      'stream.url: must be a URL that begins with redis:// or rediss://',
    ],
    [
      { stream: { type: 'memory', replay: true } },
      'stream.replay: must be false, or settings: maxEvents and maxAgeMs; it is true',
    ],
    [{ stream: { type: 'memory', replay: { maxEvents: 0 } } }, 'stream.replay.maxEvents: Too small'],
    [{ sotre: 'memory' }, 'options: unknown "sotre"; there are store, stream, sessions, server, principal,'],
    [{ limits: { session: 1 } }, 'limits: unknown "session"; there are sessions, sessionsPerPrincipal,'],
    [{ server: 'mine' }, 'server: must be a function'],
  ])('%j', async (options, message) => {
    const error = await refusalOf(options);
    expect(error).toBeInstanceOf(InvalidConfigurationError);
    expect(error.message).toContain(`McpSessionsModule has invalid options. ${message}`);
    expect(error.message).not.toContain('secret');
  });
});

describe('a name that could never match is refused', () => {
  it.each([
    ['allowedHosts', '*.example.com', 'has a wildcard: name each host, or say "*" alone for all'],
    ['allowedHosts', 'example.com/mcp', 'is not a host name without port'],
    ['allowedHosts', 'a!b', 'is not a host name without port'],
    ['allowedHosts', 'bücher.example', 'must be written as clients send it: "xn--bcher-kva.example"'],
    ['allowedHosts', '[2001:db8:0::1]', 'must be written as clients send it: "[2001:db8::1]"'],
    ['allowedOrigins', 'https://*.example.com', 'has a wildcard: name each origin, or say "*" alone for all'],
    [
      'allowedOrigins',
      'https://app.example.com/foo',
      'has more in it than an origin: say "https://app.example.com"',
    ],
    ['allowedOrigins', 'ftp://app.example.com', 'is not an origin such as https://app.example.com'],
  ])('%s: %s', async (option, name, problem) => {
    const { message } = await refusalOf({ [option]: ['*', name] });
    expect(message).toContain(`${option}.1: "${name}" ${problem}`);
  });

  it.each([
    ['allowedHosts', ['*', 'MCP.example.com', '10.0.0.1', '[2001:db8::1]', 'my_host']],
    [
      'allowedOrigins',
      ['*', 'https://app.example.com/', 'http://app.example.com:8080', 'https://a.example:443'],
    ],
  ])('and others are taken: %s %j', async (option, names) => {
    await startWith([McpSessionsModule.forRoot({ ...memory, [option]: names })]);
  });
});
