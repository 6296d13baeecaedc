import type { JsonObject } from '../base/index.ts';
import type { MqttMessage } from '../ports/index.ts';
import type { Stamp } from './event-log.ts';
import { DOCUMENTS, documentMessage, isMeasured } from './topics.ts';

export interface Documents {
  readonly stamp: Stamp;
  readonly state: JsonObject;
  readonly uplinks: { readonly [name: string]: JsonObject };
  readonly connections: { readonly [name: string]: JsonObject };
  readonly explanations?: { readonly [name: string]: JsonObject };
}

interface Entry {
  /** Undefined: the thing is gone and the broker still keeps its document. */
  document: JsonObject | undefined;
  stamp: Stamp;
  /** The whole document as text, and the text without measured values. */
  full: string;
  settled: string;
  /** Both texts as the broker has them (or as they are on their way). */
  sentFull: string | undefined;
  sentSettled: string | undefined;
  due: boolean;
}

const settledText = (document: JsonObject): string =>
  JSON.stringify(document, (key, value: unknown) => (isMeasured(key) ? undefined : value));

/**
 * The retained documents of one broker: which are new to it and may go now. A change of a settled value goes with the
 * next `releaseChanged`; a change of measured values alone waits until the interval asks for everything that changed.
 */
export class DocumentShelf {
  readonly #entries = new Map<string, Entry>();
  #full = false;

  get fullWanted(): boolean {
    return this.#full;
  }

  /** Takes the documents as they are; true when a settled value differs from what the broker has. */
  put(base: string, documents: Documents): boolean {
    const topics = new Map<string, JsonObject>([[base + DOCUMENTS.state(), documents.state]]);
    for (const [name, document] of Object.entries(documents.uplinks)) topics.set(base + DOCUMENTS.uplink(name), document);
    for (const [name, document] of Object.entries(documents.connections)) topics.set(base + DOCUMENTS.connection(name), document);
    for (const [name, document] of Object.entries(documents.explanations ?? {})) topics.set(base + DOCUMENTS.explanation(name), document);
    for (const [topic, document] of topics) {
      const full = JSON.stringify(document);
      const old = this.#entries.get(topic);
      if (!old) {
        this.#entries.set(topic, { document, stamp: documents.stamp, full, settled: settledText(document), sentFull: undefined, sentSettled: undefined, due: false });
      } else if (old.full !== full || old.document === undefined) {
        Object.assign(old, { document, stamp: documents.stamp, full, settled: settledText(document) });
      }
    }
    for (const [topic, entry] of this.#entries) {
      if (topics.has(topic) || entry.document === undefined) continue;
      Object.assign(entry, { document: undefined, stamp: documents.stamp, full: '', settled: '' });
    }
    let changed = false;
    for (const entry of this.#entries.values()) {
      if (this.#full && entry.full !== entry.sentFull) entry.due = true;
      if (!entry.due && entry.settled !== entry.sentSettled) changed = true;
    }
    this.#full = false;
    return changed;
  }

  /** Settled changes may go. */
  releaseChanged(): void {
    for (const entry of this.#entries.values()) if (entry.settled !== entry.sentSettled) entry.due = true;
  }

  /** The interval has passed: what the next `put` brings goes as soon as it differs in anything. */
  wantFull(): void {
    this.#full = true;
  }

  /** A new connection: everything that exists goes again. */
  forget(): void {
    for (const entry of this.#entries.values()) {
      entry.sentFull = undefined;
      entry.sentSettled = undefined;
      entry.due = true;
    }
  }

  /** Takes the next document that may go. */
  next(): { readonly topic: string; readonly key: string; readonly message: MqttMessage } | undefined {
    for (const [topic, entry] of this.#entries) {
      if (!entry.due) continue;
      entry.due = false;
      entry.sentFull = entry.full;
      entry.sentSettled = entry.settled;
      return { topic, key: entry.full, message: documentMessage(topic, entry.document, entry.stamp) };
    }
    return undefined;
  }

  /** The broker has the document; one that is gone is forgotten. */
  done(topic: string, key: string): void {
    const entry = this.#entries.get(topic);
    if (entry && entry.document === undefined && key === '') this.#entries.delete(topic);
  }
}
