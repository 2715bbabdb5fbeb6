import type { NoteStore } from './note-store.js';
import type { Note } from './note.js';

/** The notes of a single instance. They are gone when it ends. */
export class InMemoryNoteStore implements NoteStore {
  private readonly notes = new Map<string, Note>();

  async get(id: string): Promise<Note | undefined> {
    return this.notes.get(id);
  }

  async list(): Promise<Note[]> {
    return [...this.notes.values()];
  }

  async add(note: Note, limit: number): Promise<boolean> {
    if (this.notes.size >= limit) return false;
    this.notes.set(note.id, note);
    return true;
  }

  async replace(note: Note): Promise<boolean> {
    if (!this.notes.has(note.id)) return false;
    this.notes.set(note.id, note);
    return true;
  }

  async delete(id: string): Promise<boolean> {
    return this.notes.delete(id);
  }
}
