import type { Note } from './note.js';

/** Where the notebook keeps its notes: a class, not an interface, so that Nest can inject it by its type. */
export abstract class NoteStore {
  abstract get(id: string): Promise<Note | undefined>;

  /** All notes, in no particular order. */
  abstract list(): Promise<Note[]>;

  /** @returns whether the note was added: to `limit` notes none is added */
  abstract add(note: Note, limit: number): Promise<boolean>;

  /** Puts the note in the place of the one with its id. @returns whether there was one */
  abstract replace(note: Note): Promise<boolean>;

  /** @returns whether there was such a note */
  abstract delete(id: string): Promise<boolean>;
}
