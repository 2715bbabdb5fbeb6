import { Injectable } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { NoteStore } from './note-store.js';
import type { Note, NotebookChange } from './note.js';

/** Notes that the notebook holds: anybody may add some. */
const MAX_NOTES = 1_000;

/** The notes that all sessions share. */
@Injectable()
export class NotebookService {
  private readonly listeners: ((change: NotebookChange) => Promise<void>)[] = [];

  constructor(private readonly notes: NoteStore) {}

  /** Calls the listener after every change that is made on this instance. The change waits for it. */
  onChange(listener: (change: NotebookChange) => Promise<void>): void {
    this.listeners.push(listener);
  }

  get(id: string): Promise<Note | undefined> {
    return this.notes.get(id);
  }

  /** All notes, oldest first. */
  async list(): Promise<Note[]> {
    const notes = await this.notes.list();
    return notes.toSorted((one, other) => one.addedAt - other.addedAt);
  }

  /** Notes with this text in their title or body, upper or lower case. */
  async search(text: string): Promise<Note[]> {
    const wanted = text.toLowerCase();
    return (await this.list()).filter((note) => `${note.title}\n${note.text}`.toLowerCase().includes(wanted));
  }

  /** @throws Error the notebook is full */
  async add(title: string, text: string, addedBy: string): Promise<Note> {
    const note = { id: randomUUID(), title, text, addedAt: Date.now(), addedBy };
    if (!(await this.notes.add(note, MAX_NOTES)))
      throw new Error(`The notebook is full: it holds ${MAX_NOTES} notes.`);
    await this.changed({ type: 'added', id: note.id });
    return note;
  }

  /** @returns whether there was such a note */
  async edit(id: string, text: string): Promise<boolean> {
    const note = await this.notes.get(id);
    if (!note || !(await this.notes.replace({ ...note, text }))) return false;
    await this.changed({ type: 'edited', id });
    return true;
  }

  /** @returns whether there was such a note */
  async delete(id: string): Promise<boolean> {
    if (!(await this.notes.delete(id))) return false;
    await this.changed({ type: 'deleted', id });
    return true;
  }

  private async changed(change: NotebookChange): Promise<void> {
    for (const listener of this.listeners) await listener(change);
  }
}
