import { createHash } from 'node:crypto';

/** One note of the notebook. */
export interface Note {
  id: string;
  title: string;
  text: string;
  /** In milliseconds since 1970. */
  addedAt: number;
  /** {@link authorOf} the session that added it. */
  addedBy: string;
}

/** What happened to a note. */
export interface NotebookChange {
  type: 'added' | 'edited' | 'deleted';
  /** Of the note. */
  id: string;
}

/** Stands for a session in what others may see: its id is a credential. */
export function authorOf(sessionId: string): string {
  return createHash('sha256').update(sessionId).digest('base64url');
}

const SCHEME = 'note://';

/** The URI of a note as an MCP resource. */
export function noteUri(id: string): string {
  return SCHEME + id;
}

/** The id of the note that a URI names; `undefined` for URIs of other things. */
export function noteIdOf(uri: string): string | undefined {
  return uri.startsWith(SCHEME) ? uri.slice(SCHEME.length) : undefined;
}
