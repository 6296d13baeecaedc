import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, statSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fromUtf8, toUtf8 } from '../../base/index.ts';
import type { Port, StoreEffect } from '../../ports/index.ts';

/** What a document of ours never reaches; a larger file is somebody else's. */
const MOST_OCTETS = 65_536;

const NAME = 'learned.json';

const why = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The store: one file in `folder`, which is made when something is first kept. */
export function createStorePort(folder: string): Port<StoreEffect> {
  const file = join(folder, NAME);
  const fresh = `${file}.new`;

  function read(): { readonly text: string | undefined; readonly why: string | undefined } {
    try {
      if (statSync(file).size > MOST_OCTETS) return { text: undefined, why: `${file} is larger than ${MOST_OCTETS} octets` };
      const text = fromUtf8(readFileSync(file));
      return { text, why: text === undefined ? `${file} is no text` : undefined };
    } catch (error) {
      return { text: undefined, why: error instanceof Error && 'code' in error && error.code === 'ENOENT' ? undefined : why(error) };
    }
  }

  function write(text: string): string | undefined {
    let fd: number | undefined;
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      fd = openSync(fresh, 'w', 0o600);
      const octets = toUtf8(text);
      for (let at = 0; at < octets.length; ) at += writeSync(fd, octets, at);
      // Before the name is moved: after a power cut an empty file under it would be neither the old document nor the new one.
      fsyncSync(fd);
      closeSync(fd);
      fd = undefined;
      renameSync(fresh, file);
      return undefined;
    } catch (error) {
      try {
        if (fd !== undefined) closeSync(fd);
        unlinkSync(fresh);
      } catch {
        // it was never made
      }
      return why(error);
    }
  }

  return {
    perform(effect, deliver) {
      if (effect.type === 'store.read') deliver({ type: 'store.answered', opId: effect.opId, ...read() });
      else deliver({ type: 'store.written', opId: effect.opId, why: write(effect.text) });
    },
    close() {
      // nothing stays open
    },
  };
}
