import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { Subject, type Observable } from 'rxjs';
import type { Note, NotebookChange } from './note.js';

/** Notes that the notebook holds: they are in memory, and anybody may add some. */
const MAX_NOTES = 1_000;

/** The notes that all sessions share. They live in memory and are gone after a restart; sessions are not. */
@Injectable()
export class NotebookService {
  private readonly notes = new Map<string, Note>();
  private readonly changes = new Subject<NotebookChange>();

  /** Every change, whoever made it. */
  readonly changes$: Observable<NotebookChange> = this.changes.asObservable();

  get(id: string): Note | undefined {
    return this.notes.get(id);
  }

  /** All notes, oldest first. */
  list(): Note[] {
    return [...this.notes.values()];
  }

  /** Notes with this text in their title or body, upper or lower case. */
  search(text: string): Note[] {
    const wanted = text.toLowerCase();
    return this.list().filter((note) => `${note.title}\n${note.text}`.toLowerCase().includes(wanted));
  }

  /** @throws Error the notebook is full */
  add(title: string, text: string): Note {
    if (this.notes.size >= MAX_NOTES) throw new Error(`The notebook is full: it holds ${MAX_NOTES} notes.`);
    const note = { id: randomUUID(), title, text };
    this.notes.set(note.id, note);
    this.changes.next({ type: 'added', note });
    return note;
  }

  /** @returns the note with its new text, or `undefined` if there is none */
  edit(id: string, text: string): Note | undefined {
    const former = this.notes.get(id);
    if (!former) return undefined;
    const note = { ...former, text };
    this.notes.set(id, note);
    this.changes.next({ type: 'edited', note });
    return note;
  }

  /** @returns whether there was such a note */
  delete(id: string): boolean {
    const note = this.notes.get(id);
    if (!note) return false;
    this.notes.delete(id);
    this.changes.next({ type: 'deleted', note });
    return true;
  }
}
