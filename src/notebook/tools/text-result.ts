import type { CallToolResult } from '@modelcontextprotocol/server';

/** A tool's answer in words. */
export function text(...lines: string[]): CallToolResult {
  return { content: [{ type: 'text', text: lines.join('\n') }] };
}

/** A tool's answer that it could not do what it was asked for, for the model to read. */
export function failure(reason: string): CallToolResult {
  return { ...text(reason), isError: true };
}
