import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the repository. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A block of TypeScript in a Markdown file. */
export interface Snippet {
  /** File and line, for the report. */
  where: string;
  code: string;
  /** The file that the block is a copy of, as the comment in front of it says: `<!-- path -->`. */
  copyOf: string | undefined;
}

const DOCUMENTS = ['README.md', 'libs/mcp-sessions/README.md', ...markdownIn('docs')];

/** Every block of TypeScript in the documentation. */
export function snippets(): Snippet[] {
  return DOCUMENTS.flatMap((document) => {
    const text = readFileSync(join(ROOT, document), 'utf8');
    return [...text.matchAll(/(?:<!-- (\S+) -->\n+)?```ts\n([^]*?)```/g)].map(
      ({ 1: copyOf, 2: code, index }) => ({
        where: `${document}:${text.slice(0, index).split('\n').length}`,
        code: code!,
        copyOf,
      }),
    );
  });
}

function markdownIn(directory: string): string[] {
  return readdirSync(join(ROOT, directory), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(directory, name));
}
