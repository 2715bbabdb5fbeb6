import { describe, expect, it } from '@jest/globals';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import ts from 'typescript';
import { ROOT, snippets } from './support.js';

describe('TypeScript in the documentation', () => {
  it.each(snippets().filter(({ copyOf }) => copyOf))('$where is $copyOf', ({ code, copyOf }) => {
    expect(code).toBe(readFileSync(join(ROOT, copyOf!), 'utf8'));
  });

  it('has the right types', () => {
    expect(snippets().length).toBeGreaterThan(5);
    expect(typeErrors()).toEqual([]);
  }, 60_000);
});

describe('README', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const source = (path: string): string => readFileSync(join(ROOT, 'libs/mcp-sessions/src', path), 'utf8');
  const names = (text: string, pattern: RegExp): string[] =>
    [...text.matchAll(pattern)].map(([, name]) => name!);

  it('lists every option and limit', () => {
    const options = names(source('module/mcp-sessions-options.interface.ts'), /^ {2}(\w+)\??: /gm);
    expect(options).toEqual(
      expect.arrayContaining(['store', 'idleTimeoutMs', 'streamsPerSession', 'decorators']),
    );
    expect(options.filter((name) => !readme.includes(`| \`${name}\` `))).toEqual([]);
  });

  it('lists every environment variable', () => {
    const variables = names(source('module/environment.ts'), /^ {2}([A-Z_]+): \{/gm);
    expect(variables).toContain('STORE');
    expect(variables.filter((name) => !readme.includes(`| \`MCP_SESSIONS_${name}\` `))).toEqual([]);
  });
});

/** Compiles each block that is not a copy as a file of its own, with the settings of the repository. */
function typeErrors(): string[] {
  const directory = join(ROOT, 'node_modules/.cache/documentation');
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
  const places = new Map<string, string>();
  for (const [index, { where, code, copyOf }] of snippets().entries()) {
    if (copyOf) continue;
    places.set(`${index}.ts`, where);
    writeFileSync(join(directory, `${index}.ts`), code);
  }

  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => ts.sys.readFile(path));
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const files = [...places.keys()].map((name) => join(directory, name));
  const program = ts.createProgram(files, { ...options, noUnusedLocals: false });
  return ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => {
    const where = file && (places.get(basename(file.fileName)) ?? file.fileName);
    return `${where}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
  });
}
